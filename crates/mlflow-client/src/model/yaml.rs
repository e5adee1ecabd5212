//! The YAML that a manifest needs: mappings, lists and scalars in block style, sorted keys.
//!
//! Strings are quoted unless they are plain words, because PyYAML reads `3.10`, `no` or `12:30` as
//! another type.

use serde_json::{Number, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A mapping as a YAML document.
pub(super) fn block(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value, 0);
    text
}

/// Writes what follows `key:` or `-`, or the whole document, with a line break at its end.
fn write_value(text: &mut String, value: &Value, indent: usize) {
    let pad = "  ".repeat(indent);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            // In order, whichever way `serde_json` was built.
            for (key, inner) in fields.iter().collect::<BTreeMap<_, _>>() {
                let _ = write!(text, "{pad}{}:", string(key));
                write_inner(text, inner, indent + 1);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let _ = write!(text, "{pad}-");
                write_inner(text, item, indent + 1);
            }
        }
        _ => {
            let _ = writeln!(text, "{pad}{}", scalar(value));
        }
    }
}

fn write_inner(text: &mut String, value: &Value, indent: usize) {
    let is_block = match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if is_block {
        text.push('\n');
        write_value(text, value, indent);
    } else {
        let _ = writeln!(text, " {}", scalar(value));
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => self::number(number),
        Value::String(text) => string(text),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
    }
}

/// PyYAML reads `1e-7` as a string: a float needs a point and a signed exponent.
fn number(number: &Number) -> String {
    let text = number.to_string();
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['-', '+']) { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}

fn string(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            ' ' => quoted.push(c),
            // Control characters, exotic spaces, byte order marks, and what YAML calls not printable.
            _ if c.is_control()
                || c.is_whitespace()
                || matches!(c, '\u{feff}' | '\u{fffe}'..='\u{ffff}') =>
            {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether no YAML reader takes a word for a number, truth value, date or sign.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 8] = ["null", "true", "false", "yes", "no", "on", "off", "nan"];
    let letters = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let usual = text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-/".contains(c));
    let lower = text.to_ascii_lowercase();
    // `y` and `n` alone are truth values to some readers.
    letters && usual && text.len() > 1 && !WORDS.contains(&lower.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents() {
        let value = json!({
            "b": { "list": ["x1", 1, null, []], "empty": {} },
            "a": [{ "k": "v v" }],
        });
        let expected = "\"a\":\n  -\n    \"k\": \"v v\"\n\"b\":\n  empty: {}\n  list:\n    - x1\n    - 1\n    - null\n    - []\n";
        assert_eq!(block(&value), expected);
    }

    #[test]
    fn strings_that_look_like_something_else_are_quoted() {
        for text in [
            "3.10",
            "no",
            "Yes",
            "null",
            "12:30",
            "2026-11-23",
            "",
            "- a",
            "#",
            "1e3",
            "a: b",
            "~",
            "é",
        ] {
            assert_eq!(string(text), format!("\"{text}\""));
        }
        assert_eq!(string("model.onnx"), "model.onnx");
        assert_eq!(string("a\"b\\c\nd\t\u{85}"), "\"a\\\"b\\\\c\\nd\\u0009\\u0085\"");
    }

    #[test]
    fn small_numbers_stay_numbers() {
        assert_eq!(scalar(&json!(1e-7)), "1.0e-7");
        assert_eq!(scalar(&json!(2.5e300)), "2.5e+300");
        assert_eq!(scalar(&json!(0.91)), "0.91");
        assert_eq!(scalar(&json!(3)), "3");
    }
}
