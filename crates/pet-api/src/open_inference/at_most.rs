//! JSON arrays of limited length.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// Reads an array of at most `LIMIT` elements; a longer one is refused at the first too many.
/// For `#[serde(deserialize_with = "at_most::<LIMIT, _, _>")]`.
pub(super) fn at_most<'de, const LIMIT: usize, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_seq(AtMost::<T, LIMIT>(PhantomData))
}

struct AtMost<T, const LIMIT: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const LIMIT: usize> Visitor<'de> for AtMost<T, LIMIT> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an array of at most {LIMIT} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<T>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element()? {
            if elements.len() == LIMIT {
                return Err(A::Error::custom(format_args!(
                    "expected at most {LIMIT} elements"
                )));
            }
            elements.push(element);
        }
        Ok(elements)
    }
}
