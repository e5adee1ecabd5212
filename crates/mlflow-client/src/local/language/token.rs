//! Words of the search language.

use crate::error::{Error, Result};

/// A word with the place where it starts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Counted in characters from 1.
    pub(super) position: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A keyword, or a name without odd characters, or a number.
    Word(String),
    /// A name in backticks.
    Name(String),
    /// A string in single quotes.
    Text(String),
    /// A string or a name: both may stand in double quotes.
    Quoted(String),
    /// `=`, `<=`, `.`, `(` and so on.
    Sign(&'static str),
    End,
}

const SIGNS: [&str; 10] = ["!=", "<=", ">=", "=", "<", ">", ".", "(", ")", ","];

/// Cuts a text into words; the last one is always [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut rest = text;
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start();
        let position = position(text, rest);
        let Some(first) = rest.chars().next() else {
            found.push(Token {
                kind: Kind::End,
                position,
            });
            return Ok(found);
        };
        let (kind, length) = match first {
            '\'' | '"' | '`' => quoted(rest, first).ok_or_else(|| Error::Search {
                text: text.to_owned(),
                position,
                expected: "a closing quote",
            })?,
            _ => sign(rest)
                .or_else(|| word(rest))
                .ok_or_else(|| Error::Search {
                    text: text.to_owned(),
                    position,
                    expected: "a name, a comparator or a value",
                })?,
        };
        found.push(Token { kind, position });
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// Characters before `rest`, plus one.
fn position(text: &str, rest: &str) -> usize {
    text.chars().count() - rest.chars().count() + 1
}

fn quoted(rest: &str, quote: char) -> Option<(Kind, usize)> {
    let (inner, _) = rest.get(1..)?.split_once(quote)?;
    let text = inner.to_owned();
    let kind = match quote {
        '`' => Kind::Name(text),
        '"' => Kind::Quoted(text),
        _ => Kind::Text(text),
    };
    Some((kind, inner.len() + 2))
}

fn sign(rest: &str) -> Option<(Kind, usize)> {
    let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign))?;
    // `.5` is a number.
    let number = sign == "." && rest[1..].starts_with(|c: char| c.is_ascii_digit());
    (!number).then_some((Kind::Sign(sign), sign.len()))
}

/// Names hold `/`, `:` and `-` without quotes, and dots belong to them: only the first one parts
/// the kind from the key.
fn word(rest: &str) -> Option<(Kind, usize)> {
    let part_of_word = |c: char| c.is_alphanumeric() || "_-+./:".contains(c);
    let length = rest.find(|c| !part_of_word(c)).unwrap_or(rest.len());
    (length > 0).then(|| (Kind::Word(rest[..length].to_owned()), length))
}
