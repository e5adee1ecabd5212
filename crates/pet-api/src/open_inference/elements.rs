//! Tensor data as bytes: little-endian numbers, and elements with their lengths before them.

use actix_web::web::{Buf, BufMut, Bytes};

use super::malformed::Malformed;

/// Reads `count` numbers; there must be bytes for exactly so many. All must be finite.
pub(super) fn read_f32(bytes: &Bytes, count: usize) -> Result<Vec<f32>, Malformed> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    if numbers.len() != count || !rest.is_empty() {
        return Err(Malformed::BinaryLength {
            expected: count.saturating_mul(4),
            got: bytes.len(),
        });
    }
    let numbers: Vec<f32> = numbers.iter().copied().map(f32::from_le_bytes).collect();
    match numbers.iter().position(|number| !number.is_finite()) {
        Some(index) => Err(Malformed::NotFinite {
            index,
            got: numbers.get(index).copied().unwrap_or(f32::NAN),
        }),
        None => Ok(numbers),
    }
}

/// Splits off `count` elements, each with its length in four bytes before it, without copying
/// them. They must fill the bytes.
pub(super) fn read_elements(bytes: &Bytes, count: usize) -> Result<Vec<Bytes>, Malformed> {
    let length = bytes.len();
    let mut rest = bytes.clone();
    let mut elements = Vec::new();
    for element in 0..count {
        let past = |end| Malformed::ElementLength {
            element,
            end,
            length,
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
    Err(Malformed::BinaryLength {
        expected: length - rest.len(),
        got: length,
    })
}

/// Appends numbers.
pub(super) fn write_f32(numbers: &[f32], to: &mut Vec<u8>) {
    to.reserve(4 * numbers.len());
    for &number in numbers {
        to.put_f32_le(number);
    }
}

/// Appends texts, each with its length before it.
pub(super) fn write_texts(texts: &[String], to: &mut Vec<u8>) {
    for text in texts {
        to.put_u32_le(text.len() as u32);
        to.put_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_as_they_were_written() {
        let numbers = [1.5, -0.0, f32::MIN_POSITIVE, f32::MAX];
        let mut bytes = Vec::new();
        write_f32(&numbers, &mut bytes);
        let bytes = Bytes::from(bytes);
        assert_eq!(read_f32(&bytes, 4).unwrap(), numbers);
        for cut in 0..bytes.len() {
            let error = read_f32(&bytes.slice(..cut), 4).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("expected 16 bytes of binary data, got {cut}")
            );
        }
        assert!(read_f32(&bytes, 3).is_err());
    }

    #[test]
    fn what_is_no_number_is_refused_with_its_place() {
        let mut bytes = Vec::new();
        write_f32(&[0.0, f32::NAN], &mut bytes);
        let error = read_f32(&bytes.into(), 2).unwrap_err().to_string();
        assert_eq!(
            error,
            "number 1 of the data is `NaN`, expected finite numbers"
        );
    }

    #[test]
    fn a_length_beyond_the_end_takes_no_memory() {
        let bytes = Bytes::from_static(b"\xff\xff\xff\xffabc");
        assert!(matches!(
            read_elements(&bytes, 1),
            Err(Malformed::ElementLength {
                element: 0,
                length: 7,
                ..
            })
        ));
        assert!(read_elements(&Bytes::new(), usize::MAX).is_err());
    }

    proptest! {
        #[test]
        fn elements_are_read_as_they_were_written(texts in prop::collection::vec(".{0,9}", 0..9)) {
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
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, count in 0_usize..9) {
            let length = bytes.len();
            if let Ok(elements) = read_elements(&bytes.into(), count) {
                let read: usize = elements.iter().map(|element| element.len() + 4).sum();
                prop_assert_eq!(read, length);
            }
        }
    }
}
