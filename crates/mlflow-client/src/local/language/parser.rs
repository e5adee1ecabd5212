//! From words to conditions.

use super::token::{Kind, Token, tokens};
use super::{Comparator, Condition, Field, Order, Test};
use crate::error::{Error, Result};

/// Parses a filter; an empty one has no conditions.
pub(in crate::local) fn parse_filter(text: &str) -> Result<Vec<Condition>> {
    let mut parser = Parser::new(text)?;
    let mut conditions = Vec::new();
    if parser.at_end() {
        return Ok(conditions);
    }
    loop {
        conditions.push(parser.condition()?);
        if parser.at_end() {
            return Ok(conditions);
        }
        if !parser.keyword("and") {
            return Err(parser.error("`and` or the end"));
        }
    }
}

/// Parses one clause of an order.
pub(in crate::local) fn parse_order(text: &str) -> Result<Order> {
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

struct Parser<'a> {
    text: &'a str,
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self> {
        let tokens = tokens(text)?.into_iter().peekable();
        Ok(Self { text, tokens })
    }

    fn error(&mut self, expected: &'static str) -> Error {
        let end = self.text.chars().count() + 1;
        Error::Search {
            text: self.text.to_owned(),
            position: self.tokens.peek().map_or(end, |token| token.position),
            expected,
        }
    }

    fn at_end(&mut self) -> bool {
        self.tokens
            .peek()
            .is_none_or(|token| token.kind == Kind::End)
    }

    /// Takes the next word if it is this one, in capitals or not.
    fn keyword(&mut self, keyword: &str) -> bool {
        let is_keyword = |token: &Token| match &token.kind {
            Kind::Word(word) => word.eq_ignore_ascii_case(keyword),
            _ => false,
        };
        self.tokens.next_if(is_keyword).is_some()
    }

    fn sign(&mut self, sign: &str) -> bool {
        let is_sign = |token: &Token| matches!(token.kind, Kind::Sign(found) if found == sign);
        self.tokens.next_if(is_sign).is_some()
    }

    fn condition(&mut self) -> Result<Condition> {
        let field = self.field()?;
        let test = self.test(&field)?;
        Ok(Condition { field, test })
    }

    /// `metrics.loss`, `` params.`odd key` ``, `` `Run name` ``, `status`.
    fn field(&mut self) -> Result<Field> {
        const EXPECTED: &str =
            "`metrics.KEY`, `params.KEY`, `tags.KEY` or an attribute such as `status`";
        let unknown = self.error(EXPECTED);
        let found = match self.tokens.next().map(|token| token.kind) {
            Some(Kind::Word(word)) => match word.split_once('.') {
                Some((kind, "")) => Field::new(Some(kind), &self.quoted_key()?),
                Some((kind, key)) => Field::new(Some(kind), key),
                None => Field::new(None, &word),
            },
            Some(Kind::Name(name) | Kind::Quoted(name)) if self.sign(".") => {
                Field::new(Some(&name), &self.key()?)
            }
            Some(Kind::Name(name) | Kind::Quoted(name)) => Field::new(None, &name),
            _ => None,
        };
        found.ok_or(unknown)
    }

    fn quoted_key(&mut self) -> Result<String> {
        let error = self.error("a key in backticks or double quotes");
        match self.tokens.next().map(|token| token.kind) {
            Some(Kind::Name(key) | Kind::Quoted(key)) => Ok(key),
            _ => Err(error),
        }
    }

    fn key(&mut self) -> Result<String> {
        let is_word = |token: &Token| matches!(token.kind, Kind::Word(_));
        match self.tokens.next_if(is_word).map(|token| token.kind) {
            Some(Kind::Word(key)) => Ok(key),
            _ => self.quoted_key(),
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
            return Err(self.error("`IS NULL` only behind a parameter or tag"));
        }
        match (self.keyword("null"), present) {
            (false, _) => Err(self.error("`NULL`")),
            (true, true) => Ok(Test::Present),
            (true, false) => Ok(Test::Absent),
        }
    }

    fn one_of(&mut self, field: &Field, negated: bool) -> Result<Test> {
        // MLflow compares nothing else with a list.
        if *field != Field::Attribute(super::Attribute::RunId) {
            return Err(self.error("`IN` only behind `run_id`"));
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
        table: &[(&str, Comparator)],
        expected: &'static str,
    ) -> Result<Comparator> {
        table
            .iter()
            .find(|(name, _)| self.sign(name) || self.keyword(name))
            .map(|(_, comparator)| *comparator)
            .ok_or_else(|| self.error(expected))
    }

    fn number(&mut self) -> Result<f64> {
        let error = self.error("a number");
        match self.tokens.next().map(|token| token.kind) {
            // `parse` would take `inf` and `nan` as well.
            Some(Kind::Word(word)) if word.contains(|c: char| c.is_ascii_digit()) => {
                word.parse().map_err(|_| error)
            }
            _ => Err(error),
        }
    }

    fn string(&mut self) -> Result<String> {
        let error = self.error("a string in quotes");
        match self.tokens.next().map(|token| token.kind) {
            Some(Kind::Text(text) | Kind::Quoted(text)) => Ok(text),
            _ => Err(error),
        }
    }
}

const NUMBERS: [(&str, Comparator); 6] = [
    ("=", Comparator::Equal),
    ("!=", Comparator::NotEqual),
    ("<", Comparator::Less),
    ("<=", Comparator::LessOrEqual),
    (">", Comparator::Greater),
    (">=", Comparator::GreaterOrEqual),
];

const STRINGS: [(&str, Comparator); 4] = [
    ("=", Comparator::Equal),
    ("!=", Comparator::NotEqual),
    ("like", Comparator::Like),
    ("ilike", Comparator::ILike),
];
