//! MLflow's search language, as far as runs are searched with it.
//!
//! ```text
//! filter     = [ condition { "and" condition } ]
//! condition  = field comparator value | field "in" "(" string { "," string } ")" | field "is" ["not"] "null"
//! field      = [ kind "." ] key        kind: metrics, params, tags, attributes and their short forms
//! comparator = "=" | "!=" | "<" | "<=" | ">" | ">=" | "like" | "ilike"
//! order      = field [ "asc" | "desc" ]
//! ```
//!
//! Metrics and times are compared with numbers, everything else with strings in quotes. Keys with
//! odd characters are in backticks or double quotes. There is neither `or` nor a parenthesis, so
//! nothing here is recursive.

use crate::error::{Error, Result};

/// One condition of a filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    pub(super) field: Field,
    pub(super) test: Test,
}

/// What is compared, or ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field {
    /// The latest value of a metric.
    Metric(String),
    /// A parameter.
    Param(String),
    /// A tag.
    Tag(String),
    /// A property that every run has, by MLflow's name.
    Attribute(&'static str),
}

/// A comparison with a value. Comparators are spelled as in SQL.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    /// A number, after one of [`NUMBERS`].
    Number(&'static str, f64),
    /// A string, after one of [`STRINGS`].
    Text(&'static str, String),
    /// One of several strings, or none of them if negated.
    OneOf { negated: bool, values: Vec<String> },
    /// Whether there is no such key.
    Absent,
    /// Whether there is such a key.
    Present,
}

/// One clause of an order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    pub(super) field: Field,
    /// Smallest first.
    pub(super) ascending: bool,
}

const NUMBERS: [&str; 6] = ["=", "!=", "<", "<=", ">", ">="];
const STRINGS: [&str; 4] = ["=", "!=", "LIKE", "ILIKE"];

/// Parses a filter; an empty one has no conditions.
pub(super) fn parse_filter(text: &str) -> Result<Vec<Condition>> {
    let mut parser = Parser::new(text)?;
    let mut conditions = Vec::new();
    while !parser.at_end() {
        if !conditions.is_empty() && !parser.keyword("and") {
            return Err(parser.error("`and` or the end"));
        }
        conditions.push(parser.condition()?);
    }
    Ok(conditions)
}

/// Parses one clause of an order.
pub(super) fn parse_order(text: &str) -> Result<Order> {
    let mut parser = Parser::new(text)?;
    let field = parser.field()?;
    let ascending = !parser.keyword("desc");
    if ascending {
        parser.keyword("asc");
    }
    if parser.at_end() {
        return Ok(Order { field, ascending });
    }
    Err(parser.error("`ASC`, `DESC` or the end"))
}

impl Field {
    /// The field of a kind and a key; a key without a kind is an attribute.
    fn new(kind: Option<&str>, key: &str) -> Option<Self> {
        match kind {
            Some("metric" | "metrics") => Some(Self::Metric(key.to_owned())),
            Some("param" | "params" | "parameter" | "parameters") => {
                Some(Self::Param(key.to_owned()))
            }
            Some("tag" | "tags") => Some(Self::Tag(key.to_owned())),
            Some("attribute" | "attributes" | "attr" | "run") | None => {
                attribute(key).map(Self::Attribute)
            }
            Some(_) => None,
        }
    }

    /// Whether it is compared with numbers.
    fn is_number(&self) -> bool {
        matches!(self, Self::Metric(_) | Self::Attribute("start_time" | "end_time"))
    }
}

fn attribute(key: &str) -> Option<&'static str> {
    Some(match key {
        "run_id" => "run_id",
        "run_name" | "run name" | "Run name" | "Run Name" => "run_name",
        "user_id" => "user_id",
        "status" => "status",
        "artifact_uri" => "artifact_uri",
        "start_time" | "created" | "Created" => "start_time",
        "end_time" => "end_time",
        _ => return None,
    })
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Token<'a> {
    /// A keyword, or a name without odd characters, or a number.
    Word(&'a str),
    /// A name in backticks.
    Name(&'a str),
    /// A string in single quotes.
    Text(&'a str),
    /// A string or a name: both can be in double quotes.
    Quoted(&'a str),
    /// `=`, `<=`, `.`, `(` and so on.
    Sign(&'static str),
}

const SIGNS: [&str; 10] = ["!=", "<=", ">=", "=", "<", ">", ".", "(", ")", ","];

impl<'a> Token<'a> {
    /// The token at the beginning of a text, and its length in bytes.
    fn first(text: &'a str) -> Result<(Self, usize), &'static str> {
        match text.chars().next() {
            Some(quote @ ('\'' | '"' | '`')) => {
                let (inner, _) = text[1..].split_once(quote).ok_or("a closing quote")?;
                let token = match quote {
                    '`' => Self::Name(inner),
                    '"' => Self::Quoted(inner),
                    _ => Self::Text(inner),
                };
                Ok((token, inner.len() + 2))
            }
            _ => Self::sign(text)
                .or_else(|| Self::word(text))
                .ok_or("a name, a comparator or a value"),
        }
    }

    fn sign(text: &str) -> Option<(Self, usize)> {
        let sign = SIGNS.into_iter().find(|sign| text.starts_with(sign))?;
        // `.5` is a number.
        let number = sign == "." && text[1..].starts_with(|c: char| c.is_ascii_digit());
        (!number).then_some((Self::Sign(sign), sign.len()))
    }

    /// Names hold `/`, `:` and `-` without quotes, and dots belong to them: only the first one
    /// separates the kind from the key.
    fn word(text: &'a str) -> Option<(Self, usize)> {
        let part_of_word = |c: char| c.is_alphanumeric() || "_-+./:".contains(c);
        let length = text.find(|c| !part_of_word(c)).unwrap_or(text.len());
        (length > 0).then(|| (Self::Word(&text[..length]), length))
    }
}

/// Walks over the tokens of a text, each with the place where it starts, in bytes.
struct Parser<'a> {
    text: &'a str,
    tokens: std::vec::IntoIter<(Token<'a>, usize)>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self> {
        let (mut tokens, mut rest) = (Vec::new(), text.trim_start());
        while !rest.is_empty() {
            let start = text.len() - rest.len();
            let first = Token::first(rest);
            let (token, length) = first.map_err(|expected| error(text, start, expected))?;
            tokens.push((token, start));
            rest = rest.get(length..).unwrap_or_default().trim_start();
        }
        Ok(Self { text, tokens: tokens.into_iter() })
    }

    /// An error at the next token.
    fn error(&self, expected: &'static str) -> Error {
        let next = self.tokens.as_slice().first();
        error(self.text, next.map_or(self.text.len(), |(_, start)| *start), expected)
    }

    fn at_end(&self) -> bool {
        self.tokens.as_slice().is_empty()
    }

    fn next(&mut self) -> Option<Token<'a>> {
        self.tokens.next().map(|(token, _)| token)
    }

    /// Takes the next token if it is this one.
    fn next_if(&mut self, fits: impl Fn(Token<'a>) -> bool) -> bool {
        let found = self.tokens.as_slice().first().is_some_and(|(token, _)| fits(*token));
        found && self.tokens.next().is_some()
    }

    /// Takes the next word if it is this one, in capitals or not.
    fn keyword(&mut self, keyword: &str) -> bool {
        self.next_if(
            |token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(keyword)),
        )
    }

    fn sign(&mut self, sign: &str) -> bool {
        self.next_if(|token| matches!(token, Token::Sign(found) if found == sign))
    }

    fn condition(&mut self) -> Result<Condition> {
        let field = self.field()?;
        let test = self.test(&field)?;
        Ok(Condition { field, test })
    }

    /// `metrics.loss`, `` params.`odd key` ``, `` `Run name` ``, `status`.
    fn field(&mut self) -> Result<Field> {
        let unknown =
            self.error("`metrics.KEY`, `params.KEY`, `tags.KEY` or an attribute such as `status`");
        let found = match self.next() {
            Some(Token::Word(word)) => match word.split_once('.') {
                Some((kind, "")) => Field::new(Some(kind), self.quoted_key()?),
                Some((kind, key)) => Field::new(Some(kind), key),
                None => Field::new(None, word),
            },
            Some(Token::Name(name) | Token::Quoted(name)) if self.sign(".") => {
                Field::new(Some(name), self.key()?)
            }
            Some(Token::Name(name) | Token::Quoted(name)) => Field::new(None, name),
            _ => None,
        };
        found.ok_or(unknown)
    }

    fn key(&mut self) -> Result<&'a str> {
        if let Some(&(Token::Word(key), _)) = self.tokens.as_slice().first() {
            self.next();
            return Ok(key);
        }
        self.quoted_key()
    }

    fn quoted_key(&mut self) -> Result<&'a str> {
        let error = self.error("a key in backticks or double quotes");
        match self.next() {
            Some(Token::Name(key) | Token::Quoted(key)) => Ok(key),
            _ => Err(error),
        }
    }

    fn test(&mut self, field: &Field) -> Result<Test> {
        if self.keyword("is") {
            return self.presence(field);
        }
        let negated = self.keyword("not");
        if self.keyword("in") {
            return self.one_of(field, negated);
        }
        if negated {
            return Err(self.error("`IN`"));
        }
        if field.is_number() {
            let comparator = self.comparator(&NUMBERS, "one of `=`, `!=`, `<`, `<=`, `>`, `>=`")?;
            return Ok(Test::Number(comparator, self.number()?));
        }
        let comparator = self.comparator(&STRINGS, "one of `=`, `!=`, `LIKE`, `ILIKE`")?;
        Ok(Test::Text(comparator, self.string()?))
    }

    fn presence(&mut self, field: &Field) -> Result<Test> {
        let present = self.keyword("not");
        if !matches!(field, Field::Param(_) | Field::Tag(_)) {
            return Err(self.error("`IS NULL` only after a parameter or tag"));
        }
        if !self.keyword("null") {
            return Err(self.error("`NULL`"));
        }
        Ok(if present { Test::Present } else { Test::Absent })
    }

    fn one_of(&mut self, field: &Field, negated: bool) -> Result<Test> {
        // MLflow compares nothing else with a list.
        if *field != Field::Attribute("run_id") {
            return Err(self.error("`IN` only after `run_id`"));
        }
        if !self.sign("(") {
            return Err(self.error("`(`"));
        }
        let mut values = vec![self.string()?];
        while self.sign(",") {
            values.push(self.string()?);
        }
        if self.sign(")") {
            return Ok(Test::OneOf { negated, values });
        }
        Err(self.error("`,` or `)`"))
    }

    fn comparator(
        &mut self,
        accepted: &[&'static str],
        expected: &'static str,
    ) -> Result<&'static str> {
        let found = accepted.iter().find(|name| self.sign(name) || self.keyword(name));
        found.copied().ok_or_else(|| self.error(expected))
    }

    fn number(&mut self) -> Result<f64> {
        let error = self.error("a number");
        match self.next() {
            // `parse` would take `inf` and `nan` as well.
            Some(Token::Word(word)) if word.contains(|c: char| c.is_ascii_digit()) => {
                word.parse().map_err(|_| error)
            }
            _ => Err(error),
        }
    }

    fn string(&mut self) -> Result<String> {
        let error = self.error("a string in quotes");
        match self.next() {
            Some(Token::Text(text) | Token::Quoted(text)) => Ok(text.to_owned()),
            _ => Err(error),
        }
    }
}

fn error(text: &str, start: usize, expected: &'static str) -> Error {
    let before = text.get(..start).unwrap_or_default();
    Error::Search { text: text.to_owned(), position: before.chars().count() + 1, expected }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(text: &str) -> Condition {
        let mut conditions = parse_filter(text).unwrap();
        assert_eq!(conditions.len(), 1, "{text}");
        conditions.remove(0)
    }

    #[test]
    fn conditions_of_every_kind() {
        let metric = one("metrics.val_acc > 0.55");
        assert_eq!(metric.field, Field::Metric("val_acc".into()));
        assert_eq!(metric.test, Test::Number(">", 0.55));
        let param = one("params.lr = '0.001'");
        assert_eq!(param.test, Test::Text("=", "0.001".into()));
        assert_eq!(one("tag.a ILIKE \"%x'%\"").test, Test::Text("ILIKE", "%x'%".into()));
        assert_eq!(
            one("tags.mlflow.source.name != 'a'").field,
            Field::Tag("mlflow.source.name".into())
        );
        assert_eq!(
            one("metrics.`odd key (1)` <= -1e-3").field,
            Field::Metric("odd key (1)".into())
        );
        assert_eq!(one("params.\"a b\" like 'x%'").field, Field::Param("a b".into()));
        assert_eq!(one("metrics.train/loss>=.5").test, Test::Number(">=", 0.5));
        assert_eq!(one("status = 'FINISHED'").field, Field::Attribute("status"));
        assert_eq!(one("`Run name` = 'a'").field, Field::Attribute("run_name"));
        assert_eq!(one("attr.start_time < 17").test, Test::Number("<", 17.0));
        assert_eq!(one("tags.a IS NOT NULL").test, Test::Present);
        assert_eq!(one("params.a is null").test, Test::Absent);
        let list = one("run_id NOT IN ('a', 'b')").test;
        assert_eq!(list, Test::OneOf { negated: true, values: vec!["a".into(), "b".into()] });
        assert_eq!(parse_filter("  ").unwrap(), []);
        assert_eq!(
            parse_filter("metrics.a > 1 AND metrics.b < 2 and status = 'x'").unwrap().len(),
            3
        );
    }

    #[test]
    fn errors_name_the_place() {
        let cases = [
            ("metrics.a", 10),
            ("metrics.a > 'x'", 13),
            ("metrics.a > inf", 13),
            ("params.a = 1", 12),
            ("params.a > '1'", 10),
            ("bogus.a = '1'", 1),
            ("bogus = '1'", 1),
            ("metrics.a > 1 or metrics.b > 1", 15),
            ("metrics.a > 1 and", 18),
            ("params.ä = 'x", 12),
            ("metrics.a ; 1", 11),
            ("user_id in ('a')", 12),
            ("metrics.a is null", 14),
            ("run_id in ('a'", 15),
        ];
        for (text, place) in cases {
            match parse_filter(text) {
                Err(Error::Search { position, .. }) => assert_eq!(position, place, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn orders() {
        let order = |text: &str| parse_order(text).unwrap();
        assert!(!order("metrics.val_acc DESC").ascending);
        assert!(order("attributes.start_time ASC").ascending);
        assert_eq!(order("`start_time`").field, Field::Attribute("start_time"));
        for wrong in ["", "metrics.a down", "metrics.a DESC, metrics.b", "a"] {
            assert!(parse_order(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = parse_filter(&text);
            let _ = parse_order(&text);
        }

        #[test]
        fn no_words_make_it_panic(words in proptest::collection::vec(
            prop_oneof!["metrics\\.?", "params.a", "and", "is", "not", "null", "in", "=", "!=", "\\(", "\\)", ",",
                "'x'", "'", "`", "`é`", "\\.", "1", "like", "-"], 0..12)) {
            let _ = parse_filter(&words.join(" "));
            let _ = parse_filter(&words.concat());
        }

        #[test]
        fn any_string_without_its_quote_survives(value in "[^']{0,30}") {
            let parsed = one(&format!("params.a = '{value}'"));
            prop_assert_eq!(parsed.test, Test::Text("=", value));
        }
    }
}
