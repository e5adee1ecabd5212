//! Deserializing MLflow's JSON.
//!
//! JSON has no NaN, and protocol buffers write 64-bit integers as strings or as numbers, so numbers
//! are read from either. Parameters and tags are lists of pairs.

use serde::{Deserialize, Deserializer, de::Error as _};
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Integer(i64),
    Float(f64),
    Text(String),
}

/// An integer, also as a string.
pub(crate) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    match Number::deserialize(deserializer)? {
        Number::Integer(value) => Ok(value),
        Number::Float(value) => Ok(value as i64),
        Number::Text(text) => text.parse().map_err(D::Error::custom),
    }
}

/// The number of a version, also as a string.
pub(crate) fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    Ok(u32::try_from(integer(deserializer)?).unwrap_or_default())
}

/// A value as MLflow stores it: NaN stays, infinities become the largest finite numbers.
pub(crate) fn storable(value: f64) -> f64 {
    // `clamp` keeps NaN.
    value.clamp(f64::MIN, f64::MAX)
}

/// A measured value, with NaN as the string `NaN`.
pub(crate) mod value {
    use super::Number;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        match super::storable(*value) {
            value if value.is_nan() => serializer.serialize_str("NaN"),
            value => serializer.serialize_f64(value),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        match Number::deserialize(deserializer)? {
            Number::Integer(value) => Ok(value as f64),
            Number::Float(value) => Ok(value),
            Number::Text(text) => text.parse().map_err(D::Error::custom),
        }
    }
}

/// A list of keys with values, as a map.
pub(crate) fn pairs<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Pair {
        key: String,
        value: String,
    }
    let pairs = Vec::<Pair>::deserialize(deserializer)?;
    Ok(pairs.into_iter().map(|pair| (pair.key, pair.value)).collect())
}

/// Empty strings, which stand for absent ones.
pub(crate) fn non_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()))
}
