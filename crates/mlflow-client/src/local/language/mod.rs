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
//! odd characters stand in backticks or double quotes. There is neither `or` nor a parenthesis.

mod field;
mod parser;
mod token;

pub(super) use field::{Attribute, Field};
pub(super) use parser::{parse_filter, parse_order};

/// One condition of a filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    /// What is compared.
    pub(super) field: Field,
    /// How, and with what.
    pub(super) test: Test,
}

/// A comparison with a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    /// A number, after one of `= != < <= > >=`.
    Number(Comparator, f64),
    /// A string, after one of `= != LIKE ILIKE`.
    Text(Comparator, String),
    /// One of several strings, or none of them.
    OneOf {
        /// Whether the condition holds for the others.
        negated: bool,
        /// The strings.
        values: Vec<String>,
    },
    /// Whether there is no such key.
    Absent,
    /// Whether there is such a key.
    Present,
}

/// A comparator, as SQL writes it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
    ILike,
}

/// One clause of an order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    /// What is ordered by.
    pub(super) field: Field,
    /// Smallest first.
    pub(super) ascending: bool,
}

#[cfg(test)]
mod tests;
