//! Tensor data: binary (little-endian numbers, or length-prefixed elements), or JSON (a flat array, or arrays nested
//! according to the shape).

use std::fmt;

use actix_web::web::{Buf, BufMut, Bytes};
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::ApiError;

/// Reads exactly `count` numbers, all of which must be finite.
pub(crate) fn read_f32(bytes: &Bytes, count: usize) -> Result<Vec<f32>, ApiError> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    if numbers.len() != count || !rest.is_empty() {
        return Err(wrong_length(count.saturating_mul(4), bytes.len()));
    }
    finite(numbers.iter().copied().map(f32::from_le_bytes).collect())
}

/// Checks that all numbers are finite.
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

/// Appends numbers.
pub(crate) fn write_f32(numbers: &[f32], to: &mut Vec<u8>) {
    to.reserve(4 * numbers.len());
    for &number in numbers {
        to.put_f32_le(number);
    }
}

/// Appends length-prefixed texts.
pub(crate) fn write_texts(texts: &[String], to: &mut Vec<u8>) {
    for text in texts {
        to.put_u32_le(text.len() as u32);
        to.put_slice(text.as_bytes());
    }
}

/// An element of a tensor.
#[derive(Clone, Copy)]
enum Element<'a> {
    Number(f64),
    Text(&'a str),
}

/// Reads the numbers of a tensor in row-major order. `shape` must have been checked, as memory is allocated for all of its
/// elements.
pub(crate) fn read_numbers(data: &RawValue, shape: &[usize]) -> Result<Vec<f32>, ApiError> {
    let mut numbers = Vec::with_capacity(shape.iter().product());
    read(data, shape, &mut |element| match element {
        Element::Number(number) if (number as f32).is_finite() => {
            numbers.push(number as f32);
            Ok(())
        }
        Element::Number(number) => Err(format!("`{number}` is not a finite 32-bit number")),
        Element::Text(_) => Err("expected numbers, got text".to_owned()),
    })?;
    Ok(numbers)
}

/// Reads the texts of a tensor in row-major order.
pub(crate) fn read_texts(data: &RawValue, shape: &[usize]) -> Result<Vec<String>, ApiError> {
    let mut texts = Vec::new();
    read(data, shape, &mut |element| match element {
        Element::Text(text) => {
            texts.push(text.to_owned());
            Ok(())
        }
        Element::Number(_) => Err("expected text, got a number".to_owned()),
    })?;
    Ok(texts)
}

type Visit<'a> = dyn FnMut(Element<'_>) -> Result<(), String> + 'a;

fn read(data: &RawValue, shape: &[usize], visit: &mut Visit<'_>) -> Result<(), ApiError> {
    let mut reader = Reader { shape, leaf_depth: None, left: shape.iter().product(), visit };
    let node = Node { reader: &mut reader, depth: 0 };
    node.deserialize(&mut serde_json::Deserializer::from_str(data.get())).map_err(|error| {
        let detail = format!("the data does not fit the shape {shape:?}: {error}");
        ApiError::bad_parameter(detail)
    })
}

struct Reader<'a, 'b> {
    shape: &'a [usize],
    /// The depth of every element: 1, or the rank of the shape; known after the first element.
    leaf_depth: Option<usize>,
    /// Number of elements that may follow.
    left: usize,
    visit: &'a mut Visit<'b>,
}

impl Reader<'_, '_> {
    fn element<E: Error>(&mut self, depth: usize, element: Element<'_>) -> Result<(), E> {
        let fits = match self.leaf_depth {
            Some(expected) => depth == expected,
            None => depth == 1 || depth == self.shape.len(),
        };
        if depth == 0 || !fits {
            return Err(E::custom("the arrays are not nested as the shape is"));
        }
        self.leaf_depth = Some(depth);
        let Some(left) = self.left.checked_sub(1) else {
            return Err(E::custom("there are too many elements"));
        };
        self.left = left;
        (self.visit)(element).map_err(E::custom)
    }

    /// Checks the length of an array at this depth.
    fn array<E: Error>(&self, depth: usize, length: usize) -> Result<(), E> {
        let flat = self.leaf_depth == Some(1) && depth == 0;
        let expected = if flat {
            self.shape.iter().product()
        } else {
            self.shape.get(depth).copied().unwrap_or_default()
        };
        if length != expected {
            return Err(E::custom(format_args!(
                "an array has {length} elements, expected {expected}"
            )));
        }
        Ok(())
    }
}

/// An array or an element at this depth.
struct Node<'a, 'b, 'c> {
    reader: &'a mut Reader<'b, 'c>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of numbers or of text")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.reader.element(self.depth, Element::Number(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.visit_f64(number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.visit_f64(number as f64)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.reader.element(self.depth, Element::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let depth = self.depth;
        if depth >= self.reader.shape.len() {
            return Err(A::Error::custom("the arrays are nested too deeply"));
        }
        let mut length = 0;
        loop {
            let reader = &mut *self.reader;
            let node = Node { reader, depth: depth + 1 };
            if sequence.next_element_seed(node)?.is_none() {
                return self.reader.array(depth, length);
            }
            length += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_round_trip() {
        let numbers = [1.5, -0.0, f32::MIN_POSITIVE, f32::MAX];
        let mut bytes = Vec::new();
        write_f32(&numbers, &mut bytes);
        let bytes = Bytes::from(bytes);
        assert_eq!(read_f32(&bytes, 4).unwrap(), numbers);
        for cut in 0..bytes.len() {
            let error = read_f32(&bytes.slice(..cut), 4).unwrap_err().to_string();
            assert_eq!(error, format!("expected 16 bytes of binary data, got {cut}"));
        }
        assert!(read_f32(&bytes, 3).is_err());
    }

    #[test]
    fn non_finite_numbers_are_rejected_with_their_index() {
        let mut bytes = Vec::new();
        write_f32(&[0.0, f32::NAN], &mut bytes);
        let error = read_f32(&bytes.into(), 2).unwrap_err().to_string();
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
            let mut bytes = Vec::new();
            write_texts(&texts, &mut bytes);
            let bytes = Bytes::from(bytes);
            prop_assert_eq!(read_elements(&bytes, texts.len()).unwrap(), texts.clone());
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
        read_numbers(&data, shape).map_err(|error| error.to_string())
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
            ("[1, 2, 3]", "an array has 3 elements, expected 4"),
            ("[1, 2, 3, 4, 5]", "too many"),
            ("[[1, 2], [3]]", "an array has 1 elements, expected 2"),
            ("[[1, 2, 3], [4]]", "an array has 3 elements, expected 2"),
            ("[[1, 2], 3, 4]", "not nested as the shape"),
            ("[1, [2, 3], 4]", "not nested as the shape"),
            ("[[[1], [2]], [[3], [4]]]", "nested too deeply"),
            ("[]", "an array has 0 elements"),
            ("[[], []]", "an array has 0 elements"),
            ("1", "not nested as the shape"),
            ("{}", "invalid type"),
            ("[1, 2, 3, null]", "invalid type"),
            ("[1, 2, 3, true]", "invalid type"),
            ("[1, 2, 3, \"4\"]", "expected numbers, got text"),
            ("[1, 2, 3, 1e39]", "not a finite 32-bit number"),
        ] {
            let error = numbers(json, &[2, 2]).unwrap_err();
            assert!(error.contains(reason), "{json}: {error}");
        }
    }

    #[test]
    fn deep_nesting_is_rejected() {
        let json = "[".repeat(100) + &"]".repeat(100);
        assert!(numbers(&json, &[2, 2]).unwrap_err().contains("too deeply"));
    }

    #[test]
    fn escapes_in_texts_are_read() {
        let data = RawValue::from_string(r#"[["a\u002fb"], ["c"]]"#.to_owned()).unwrap();
        assert_eq!(read_texts(&data, &[2, 1]).unwrap(), ["a/b", "c"]);
        let error = read_texts(&data, &[1]).unwrap_err().to_string();
        assert!(error.contains("too deeply"), "{error}");
    }
}
