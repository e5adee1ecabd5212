//! Tensor data: binary (little-endian numbers, or length-prefixed elements), or JSON (a flat array, or arrays nested
//! according to the shape).

use std::fmt;

use actix_web::web::{Buf, BufMut, Bytes};
use schemars::JsonSchema;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::ApiError;

pub(crate) fn read_f32(bytes: &Bytes, count: usize) -> Result<Vec<f32>, ApiError> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    if numbers.len() != count || !rest.is_empty() {
        return Err(wrong_length(count.saturating_mul(4), bytes.len()));
    }
    Ok(numbers.iter().copied().map(f32::from_le_bytes).collect())
}

pub(crate) fn finite(numbers: Vec<f32>) -> Result<Vec<f32>, ApiError> {
    let mut indexed = numbers.iter().enumerate();
    match indexed.find(|(_, number)| !number.is_finite()) {
        Some((index, got)) => Err(ApiError::bad_parameter(format!(
            "number {index} of the data is `{got}`, expected finite numbers"
        ))),
        None => Ok(numbers),
    }
}

/// Splits the bytes into exactly `count` elements without copying; each has a four-byte length prefix.
pub(crate) fn read_elements(bytes: &Bytes, count: usize) -> Result<Vec<Bytes>, ApiError> {
    let length = bytes.len();
    let mut rest = bytes.clone();
    let mut elements = Vec::new();
    for element in 0..count {
        let past = |end| {
            ApiError::bad_parameter(format!(
                "element {element} of the BYTES data ends at byte {end}, but the data has {length} bytes"
            ))
        };
        let start = length - rest.len() + 4;
        let size = rest.try_get_u32_le().map_err(|_| past(start))? as usize;
        if size > rest.len() {
            return Err(past(start + size));
        }
        elements.push(rest.split_to(size));
    }
    if rest.is_empty() {
        return Ok(elements);
    }
    Err(wrong_length(length - rest.len(), length))
}

/// Binary data whose length does not fit the request or the shape.
pub(crate) fn wrong_length(expected: usize, got: usize) -> ApiError {
    ApiError::bad_parameter(format!("expected {expected} bytes of binary data, got {got}"))
}

/// The data of an output; in JSON, a flat array.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(crate) enum Data {
    Numbers(Vec<f32>),
    Texts(Vec<String>),
}

impl Data {
    /// Appends the data in binary form.
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Numbers(numbers) => numbers.iter().for_each(|number| to.put_f32_le(*number)),
            Self::Texts(texts) => {
                for text in texts {
                    to.put_u32_le(text.len() as u32);
                    to.put_slice(text.as_bytes());
                }
            }
        }
    }
}

/// Reads the elements of a tensor in row-major order. `shape` must have been checked, as memory is allocated for all of its
/// elements.
pub(crate) fn read_json<'a, T: Deserialize<'a>>(
    data: &'a RawValue,
    shape: &[usize],
) -> Result<Vec<T>, ApiError> {
    let count = shape.iter().product();
    let inner = data.get().strip_prefix('[').unwrap_or_default();
    let nested = if inner.trim_start().starts_with('[') { shape } else { &[count] };
    let mut elements = Vec::with_capacity(count);
    let level = Level { shape: nested, elements: &mut elements };
    let read = level.deserialize(&mut serde_json::Deserializer::from_str(data.get()));
    read.map_err(|error| {
        ApiError::bad_parameter(format!("the data does not fit the shape {shape:?}: {error}"))
    })?;
    Ok(elements)
}

/// An array of this shape, or an element if that is empty.
struct Level<'a, T> {
    shape: &'a [usize],
    elements: &'a mut Vec<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Level<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.shape.is_empty() {
            self.elements.push(T::deserialize(deserializer)?);
            return Ok(());
        }
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Level<'_, T> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an array of {} elements", self.shape.first().unwrap_or(&0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let (&length, shape) = self.shape.split_first().unwrap_or((&0, &[]));
        for index in 0..length {
            let level = Level { shape, elements: &mut *self.elements };
            if sequence.next_element_seed(level)?.is_none() {
                return Err(A::Error::invalid_length(index, &self));
            }
        }
        match sequence.next_element::<IgnoredAny>()? {
            Some(_) => Err(A::Error::invalid_length(length + 1, &self)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(data: &Data) -> Bytes {
        let mut bytes = Vec::new();
        data.write(&mut bytes);
        bytes.into()
    }

    #[test]
    fn numbers_round_trip() {
        let numbers = [1.5, -0.0, f32::MIN_POSITIVE, f32::MAX];
        let bytes = written(&Data::Numbers(numbers.to_vec()));
        assert_eq!(read_f32(&bytes, 4).unwrap(), numbers);
        for cut in 0..bytes.len() {
            let error = read_f32(&bytes.slice(..cut), 4).unwrap_err().to_string();
            assert_eq!(error, format!("expected 16 bytes of binary data, got {cut}"));
        }
        assert!(read_f32(&bytes, 3).is_err());
    }

    #[test]
    fn non_finite_numbers_are_rejected_with_their_index() {
        let bytes = written(&Data::Numbers(vec![0.0, f32::NAN]));
        let error = finite(read_f32(&bytes, 2).unwrap()).unwrap_err().to_string();
        assert_eq!(error, "number 1 of the data is `NaN`, expected finite numbers");
    }

    #[test]
    fn a_length_beyond_the_end_allocates_nothing() {
        let bytes = Bytes::from_static(b"\xff\xff\xff\xffabc");
        let error = read_elements(&bytes, 1).unwrap_err().to_string();
        assert_eq!(
            error,
            "element 0 of the BYTES data ends at byte 4294967299, but the data has 7 bytes"
        );
        assert!(read_elements(&Bytes::new(), usize::MAX).is_err());
    }

    proptest! {
        #[test]
        fn elements_round_trip(texts in prop::collection::vec(".{0,9}", 0..9)) {
            let bytes = written(&Data::Texts(texts.clone()));
            prop_assert_eq!(&read_elements(&bytes, texts.len()).unwrap(), &texts);
            prop_assert!(read_elements(&bytes, texts.len() + 1).is_err());
            for cut in 0..bytes.len() {
                prop_assert!(read_elements(&bytes.slice(..cut), texts.len()).is_err());
            }
        }

        #[test]
        fn any_bytes_are_read_or_rejected(bytes: Vec<u8>, count in 0_usize..9) {
            let length = bytes.len();
            if let Ok(elements) = read_elements(&bytes.into(), count) {
                let read: usize = elements.iter().map(|element| element.len() + 4).sum();
                prop_assert_eq!(read, length);
            }
        }
    }

    fn numbers(json: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let data = RawValue::from_string(json.to_owned()).unwrap();
        read_json(&data, shape).map_err(|error| error.to_string())
    }

    #[test]
    fn flat_and_nested_arrays_are_the_same_tensor() {
        let expected = [1.0, -2.5, 3.0, 4e-3];
        for json in ["[1, -2.5, 3, 4e-3]", "[[1, -2.5], [3, 4e-3]]"] {
            assert_eq!(numbers(json, &[2, 2]).unwrap(), expected, "{json}");
        }
        assert_eq!(numbers("[[[7]]]", &[1, 1, 1]).unwrap(), [7.0]);
        assert_eq!(numbers("[7]", &[1, 1, 1]).unwrap(), [7.0]);
    }

    #[test]
    fn data_of_another_shape_are_rejected() {
        for (json, reason) in [
            ("[1, 2, 3]", "invalid length 3, expected an array of 4 elements"),
            ("[1, 2, 3, 4, 5]", "invalid length 5, expected an array of 4 elements"),
            ("[[1, 2], [3]]", "invalid length 1, expected an array of 2 elements"),
            ("[[1, 2, 3], [4]]", "invalid length 3, expected an array of 2 elements"),
            ("[[1, 2], 3, 4]", "integer `3`, expected an array of 2 elements"),
            ("[1, [2, 3], 4]", "sequence, expected f32"),
            ("[[[1], [2]], [[3], [4]]]", "sequence, expected f32"),
            ("[]", "invalid length 0, expected an array of 4 elements"),
            ("[[], []]", "invalid length 0, expected an array of 2 elements"),
            ("1", "integer `1`, expected an array of 4 elements"),
            ("{}", "map, expected an array of 4 elements"),
            ("[1, 2, 3, null]", "null, expected f32"),
            ("[1, 2, 3, true]", "boolean `true`, expected f32"),
            ("[1, 2, 3, \"4\"]", "string \"4\", expected f32"),
            ("[1, 2, 3, 1e400]", "number out of range"),
        ] {
            let error = numbers(json, &[2, 2]).unwrap_err();
            assert!(error.contains(reason), "{json}: {error}");
        }
    }

    #[test]
    fn deep_nesting_is_rejected() {
        let json = "[".repeat(100) + &"]".repeat(100);
        assert!(numbers(&json, &[2, 2]).unwrap_err().contains("expected f32"));
    }

    #[test]
    fn escapes_in_texts_are_read() {
        let data = RawValue::from_string(r#"[["a\u002fb"], ["c"]]"#.to_owned()).unwrap();
        assert_eq!(read_json::<String>(&data, &[2, 1]).unwrap(), ["a/b", "c"]);
        let error = read_json::<String>(&data, &[1]).unwrap_err().to_string();
        assert!(error.contains("expected a string"), "{error}");
    }
}
