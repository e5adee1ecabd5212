//! Escaped Markdown.

/// Plain text, with markup escaped.
pub(super) fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in one_line(text).chars() {
        if matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Inline code.
pub(super) fn code(text: &str) -> String {
    let text = one_line(text);
    if !text.contains('`') {
        return format!("`{text}`");
    }
    // A fence longer than any run of backticks inside.
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    format!("{fence} {text} {fence}")
}

/// Inline code in a table, where `|` has to be escaped.
pub(super) fn code_cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

/// A table; columns named with a leading `>` are aligned to the right.
pub(super) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let names: Vec<&str> = head.iter().map(|name| name.trim_start_matches('>')).collect();
    let rules: Vec<&str> =
        head.iter().map(|name| if name.starts_with('>') { "---:" } else { "---" }).collect();
    let mut table = format!("| {} |\n| {} |\n", names.join(" | "), rules.join(" | "));
    table.extend(rows.into_iter().map(|row| format!("| {} |\n", row.join(" | "))));
    table
}

/// An embedded picture.
pub(super) fn picture(caption: &str, file: &str) -> String {
    format!("![{caption}]({file})\n")
}

/// Formats `0.9135` as `91.35 %`.
pub(super) fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.2} %", 100.0 * share) } else { "–".into() }
}

/// Formats a number with four decimals.
pub(super) fn decimal(value: f64) -> String {
    if value.is_finite() { format!("{value:.4}") } else { "–".into() }
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_the_input_stays_text() {
        assert_eq!(text("a|b <i>_c_</i>\n# d"), r"a\|b \<i\>\_c\_\</i\> \# d");
        assert_eq!(code("x_y"), "`x_y`");
        assert_eq!(code("a `b` ``c"), "``` a `b` ``c ```");
        assert_eq!(code_cell("a|b"), r"`a\|b`");
    }

    #[test]
    fn a_table_has_a_rule_for_each_column() {
        let rows = [vec!["x".to_owned(), "1".to_owned()]];
        assert_eq!(
            table(&["name", ">count"], rows),
            "| name | count |\n| --- | ---: |\n| x | 1 |\n"
        );
    }

    #[test]
    fn what_is_not_finite_is_a_dash() {
        assert_eq!((percent(0.913_46), percent(f64::NAN)), ("91.35 %".into(), "–".into()));
        assert_eq!((decimal(0.5), decimal(f64::INFINITY)), ("0.5000".into(), "–".into()));
    }
}
