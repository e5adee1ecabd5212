//! Numeric precision.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{INT8_MODEL_FILE, MODEL_FILE};

/// Ends the key of a figure of a model in 8-bit integers.
const INT8_KEY: &str = "_int8";

/// The numeric precision of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floating point, as trained.
    #[default]
    Fp32,
    /// 8-bit integers, except in layers where they would cost accuracy.
    Int8,
}

impl Precision {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Fp32, Self::Int8];

    /// The name in metadata, metrics and options.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Int8 => "int8",
        }
    }

    /// The precision called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// The key of a figure of a model with this precision, beside that of the other model: `test` or `test_int8`.
    pub fn key(self, name: &str) -> String {
        match self {
            Self::Fp32 => name.to_owned(),
            Self::Int8 => format!("{name}{INT8_KEY}"),
        }
    }

    /// The name and the precision of a [key](Self::key).
    pub fn of_key(key: &str) -> (&str, Self) {
        match key.strip_suffix(INT8_KEY) {
            Some(name) => (name, Self::Int8),
            None => (key, Self::Fp32),
        }
    }

    /// The model's file name in `results/`.
    pub fn file(self) -> &'static str {
        match self {
            Self::Fp32 => MODEL_FILE,
            Self::Int8 => INT8_MODEL_FILE,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_name() {
        for one in Precision::ALL {
            assert_eq!(Precision::from_name(one.name()), Some(one));
            let json = serde_json::to_string(&one).unwrap();
            assert_eq!(json, format!("\"{one}\""));
        }
        assert_eq!(Precision::from_name("fp16"), None);
    }

    #[test]
    fn keys_say_name_and_precision() {
        for (precision, key) in [(Precision::Fp32, "test"), (Precision::Int8, "test_int8")] {
            assert_eq!(precision.key("test"), key);
            assert_eq!(Precision::of_key(key), ("test", precision));
        }
    }
}
