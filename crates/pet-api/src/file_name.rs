//! Sanitizes text from clients: file names, and values of `Content-Disposition`.

/// Longest file name; longer ones are truncated.
const MAX_CHARS: usize = 100;

/// The value of `Content-Disposition` for a result named `PREFIX_NAME`.
pub(crate) fn attachment(prefix: &str, name: Option<&str>, extension: &str) -> String {
    let name = name.map(base_name).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| format!("image.{extension}"));
    let name = format!("{prefix}_{name}");
    if name.bytes().all(is_token) {
        return format!("attachment; filename={name}");
    }
    let plain: String = name.chars().map(|char| if is_plain(char) { char } else { '_' }).collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    let encoded = name.bytes().map(|byte| {
        if is_token(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    });
    let encoded = encoded.collect::<Vec<_>>().concat();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

/// The last component of a name that may be a path.
fn base_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept = last.chars().filter(|char| is_printable(*char)).take(MAX_CHARS);
    kept.collect::<String>().trim().trim_start_matches('.').to_owned()
}

/// Removes control characters, and those that change the direction of the text, which would show `gpj.exe` as `exe.jpg`.
pub(crate) fn printable(text: String) -> String {
    if text.chars().all(is_printable) {
        return text;
    }
    text.chars().filter(|char| is_printable(*char)).collect()
}

fn is_printable(char: char) -> bool {
    !char.is_control() && !is_directional(char)
}

/// A character of Unicode's property `Bidi_Control`.
fn is_directional(char: char) -> bool {
    matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `attr-char` of RFC 8187, which is allowed in a `token` of RFC 9110 too.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte)
}

/// A character that every client understands in a quoted name.
fn is_plain(char: char) -> bool {
    (char.is_ascii_graphic() || char == ' ') && !matches!(char, '"' | '\\' | '%' | ';')
}

#[cfg(test)]
mod tests {

    use super::*;

    fn named(name: &str) -> String {
        attachment("gray", Some(name), "png")
    }

    #[test]
    fn plain_names_are_kept() {
        assert_eq!(named("a-dog.png"), "attachment; filename=gray_a-dog.png");
        assert_eq!(named("my dog.png"), "attachment; filename=\"gray_my dog.png\"");
        assert_eq!(attachment("gray", None, "png"), "attachment; filename=gray_image.png");
    }

    #[test]
    fn names_cannot_inject_headers_or_paths() {
        assert_eq!(named("../../etc/passwd"), "attachment; filename=gray_passwd");
        assert_eq!(named(r"C:\dogs\rex.png"), "attachment; filename=gray_rex.png");
        assert_eq!(named(".."), "attachment; filename=gray_image.png");
        assert_eq!(named("a\r\nSet-Cookie: x=1"), "attachment; filename=\"gray_aSet-Cookie: x=1\"");
        assert_eq!(
            named("a\"; filename=b.exe"),
            "attachment; filename=\"gray_a__ filename=b.exe\"; filename*=UTF-8''gray_a%22%3B%20filename%3Db.exe"
        );
        assert_eq!(
            named("Käthe.png"),
            "attachment; filename=\"gray_K_the.png\"; filename*=UTF-8''gray_K%C3%A4the.png"
        );
        assert!(named(&"x".repeat(5000)).len() < 200);
    }

    #[test]
    fn directional_characters_are_removed() {
        assert_eq!(named("a\u{202e}gpj.exe\u{2066}\u{200f}"), "attachment; filename=gray_agpj.exe");
        assert_eq!(printable("a\u{202e}\u{7}b".into()), "ab");
        assert_eq!(printable("K\u{e4}the".into()), "K\u{e4}the");
    }
}
