//! Numeric precision.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{INT8_MODEL_FILE, MODEL_FILE};

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
}
