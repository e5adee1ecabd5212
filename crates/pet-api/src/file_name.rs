//! What clients write, made safe to be shown: names of files, also in a header.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Characters that are kept of a name; whoever needs more has a mistake or an attack in mind.
const LONGEST: usize = 100;

/// What RFC 8187 (`attr-char`) lets stand beside letters and digits.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The value of `Content-Disposition` for a result: `PREFIX_NAME`.
pub(crate) fn attachment(prefix: &str, name: Option<&str>, extension: &str) -> String {
    let name = name.map(last_part).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| format!("image.{extension}"));
    let name = format!("{prefix}_{name}");
    if name.bytes().all(is_token) {
        return format!("attachment; filename={name}");
    }
    let plain: String = name
        .chars()
        .map(|char| if is_plain(char) { char } else { '_' })
        .collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    let encoded = utf8_percent_encode(&name, ENCODED);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

/// The last part of what may be a path.
fn last_part(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept = last.chars().filter(|char| is_shown(*char)).take(LONGEST);
    kept.collect::<String>()
        .trim()
        .trim_start_matches('.')
        .to_owned()
}

/// A text without control characters and without those that turn the direction of the text around, which would show
/// `gpj.exe` as `exe.jpg`.
pub(crate) fn shown(text: String) -> String {
    if text.chars().all(is_shown) {
        return text;
    }
    text.chars().filter(|char| is_shown(*char)).collect()
}

fn is_shown(char: char) -> bool {
    !char.is_control() && !is_directional(char)
}

/// A character of Unicode's property `Bidi_Control`.
fn is_directional(char: char) -> bool {
    matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A character of RFC 9110's `token`.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte)
}

/// A character that every client takes in a quoted name.
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
    fn plain_names_stay() {
        assert_eq!(named("a-dog.png"), "attachment; filename=gray_a-dog.png");
        assert_eq!(
            named("my dog.png"),
            "attachment; filename=\"gray_my dog.png\""
        );
        assert_eq!(
            attachment("gray", None, "png"),
            "attachment; filename=gray_image.png"
        );
    }

    #[test]
    fn no_name_breaks_out_of_the_header_or_the_folder() {
        assert_eq!(
            named("../../etc/passwd"),
            "attachment; filename=gray_passwd"
        );
        assert_eq!(
            named(r"C:\dogs\rex.png"),
            "attachment; filename=gray_rex.png"
        );
        assert_eq!(named(".."), "attachment; filename=gray_image.png");
        assert_eq!(
            named("a\r\nSet-Cookie: x=1"),
            "attachment; filename=\"gray_aSet-Cookie: x=1\""
        );
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
    fn no_name_turns_the_direction_of_its_text_around() {
        assert_eq!(
            named("a\u{202e}gpj.exe\u{2066}\u{200f}"),
            "attachment; filename=gray_agpj.exe"
        );
        assert_eq!(shown("a\u{202e}\u{7}b".into()), "ab");
        assert_eq!(shown("K\u{e4}the".into()), "K\u{e4}the");
    }
}
