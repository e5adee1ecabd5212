//! How a tensor is stored: the type of its elements, and where they are within their storage.

use std::fmt;

use crate::Error;

/// Element type of a tensor; one for each `torch.*Storage` class that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataType {
    /// `torch.float64`, stored as `DoubleStorage`.
    F64,
    /// `torch.float32`, stored as `FloatStorage`.
    F32,
    /// `torch.float16`, stored as `HalfStorage`.
    F16,
    /// `torch.bfloat16`, stored as `BFloat16Storage`.
    BF16,
    /// `torch.int64`, stored as `LongStorage`.
    I64,
    /// `torch.int32`, stored as `IntStorage`.
    I32,
    /// `torch.int16`, stored as `ShortStorage`.
    I16,
    /// `torch.int8`, stored as `CharStorage`.
    I8,
    /// `torch.uint8`, stored as `ByteStorage`.
    U8,
    /// `torch.bool`, stored as `BoolStorage`, one byte each.
    Bool,
}

/// Each type, in its order, with the bytes of an element, the class in the module `torch` and the
/// name that PyTorch gives it without `torch.`.
const TABLE: [(DataType, usize, &str, &str); 10] = [
    (DataType::F64, 8, "DoubleStorage", "float64"),
    (DataType::F32, 4, "FloatStorage", "float32"),
    (DataType::F16, 2, "HalfStorage", "float16"),
    (DataType::BF16, 2, "BFloat16Storage", "bfloat16"),
    (DataType::I64, 8, "LongStorage", "int64"),
    (DataType::I32, 4, "IntStorage", "int32"),
    (DataType::I16, 2, "ShortStorage", "int16"),
    (DataType::I8, 1, "CharStorage", "int8"),
    (DataType::U8, 1, "ByteStorage", "uint8"),
    (DataType::Bool, 1, "BoolStorage", "bool"),
];

impl DataType {
    /// Size of one element in bytes.
    pub fn element_size(self) -> usize {
        TABLE[self as usize].1
    }

    /// Size of `elements` in bytes; `u64::MAX` where that overflows.
    pub(crate) fn byte_count(self, elements: usize) -> u64 {
        (elements as u64).saturating_mul(self.element_size() as u64)
    }

    /// The type behind a class of the module `torch`, such as `FloatStorage`.
    pub(crate) fn from_storage_class(class: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.2 == class).map(|row| row.0)
    }
}

/// The name that PyTorch gives the type, without `torch.`.
impl fmt::Display for DataType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(TABLE[*self as usize].3)
    }
}

/// Shape, strides and first element of a view, in elements of the storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) shape: Vec<usize>,
    /// As many as there are dimensions.
    pub(crate) strides: Vec<usize>,
    pub(crate) offset: usize,
}

impl Layout {
    /// The number of elements, or `None` where it overflows.
    pub(crate) fn element_count(&self) -> Option<usize> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        self.shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size))
    }

    /// Whether every element is within a storage of `elements`, and there are no more of them than
    /// the storage has, so that an expanded view cannot turn a small file into a huge tensor.
    pub(crate) fn fits(&self, elements: usize) -> bool {
        match self.element_count() {
            None => false,
            Some(0) => true,
            Some(count) => count <= elements && self.last().is_some_and(|last| last < elements),
        }
    }

    /// The error for a tensor that does not fit a storage of `elements`.
    pub(crate) fn misfit(&self, name: &str, elements: usize) -> Error {
        Error::Layout {
            name: name.to_owned(),
            shape: self.shape.clone(),
            strides: self.strides.clone(),
            offset: self.offset,
            elements,
        }
    }

    /// The storage index of each element in row-major order.
    ///
    /// All are within the storage if the layout [fits](Self::fits) it.
    pub(crate) fn indices(&self) -> Indices<'_> {
        Indices {
            layout: self,
            position: vec![0; self.shape.len()],
            index: self.offset,
            left: self.element_count().unwrap_or(0),
        }
    }

    /// The largest index: that of the last element, since strides are never negative.
    fn last(&self) -> Option<usize> {
        self.shape.iter().zip(&self.strides).try_fold(self.offset, |last, (size, stride)| {
            last.checked_add(size.checked_sub(1)?.checked_mul(*stride)?)
        })
    }
}

/// Iterator over storage indices; see [`Layout::indices`].
pub(crate) struct Indices<'a> {
    layout: &'a Layout,
    position: Vec<usize>,
    index: usize,
    left: usize,
}

impl Indices<'_> {
    /// Moves to the next position, counting up from the last dimension as an odometer does.
    fn step(&mut self) {
        let dimensions = self.layout.shape.iter().zip(&self.layout.strides);
        for (position, (size, stride)) in self.position.iter_mut().zip(dimensions).rev() {
            *position += 1;
            self.index = self.index.wrapping_add(*stride);
            if *position < *size {
                return;
            }
            self.index = self.index.wrapping_sub(size.wrapping_mul(*stride));
            *position = 0;
        }
    }
}

impl Iterator for Indices<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let index = self.index;
        self.step();
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_table_is_in_the_order_of_the_type() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, index);
            assert_eq!(DataType::from_storage_class(row.2), Some(row.0));
        }
        assert_eq!(DataType::from_storage_class("ComplexFloatStorage"), None);
    }

    fn layout(shape: &[usize], strides: &[usize], offset: usize) -> Layout {
        Layout { shape: shape.to_vec(), strides: strides.to_vec(), offset }
    }

    #[test]
    fn a_transposed_view_is_gathered() {
        let transposed = layout(&[3, 2], &[1, 3], 0);
        assert!(transposed.fits(6));
        assert_eq!(transposed.indices().collect::<Vec<_>>(), [0, 3, 1, 4, 2, 5]);
    }

    #[test]
    fn a_scalar_has_one_element_and_an_empty_tensor_none() {
        assert_eq!(layout(&[], &[], 4).indices().collect::<Vec<_>>(), [4]);
        assert!(!layout(&[], &[], 4).fits(4));
        let empty = layout(&[usize::MAX, usize::MAX, 0], &[1, 1, 1], usize::MAX);
        assert!(empty.fits(0));
        assert_eq!(empty.indices().count(), 0);
    }

    #[test]
    fn views_outside_the_storage_do_not_fit() {
        assert!(!layout(&[6], &[1], 1).fits(6));
        assert!(!layout(&[2, 3], &[4, 1], 0).fits(6));
        assert!(!layout(&[usize::MAX, 2], &[0, 0], 0).fits(usize::MAX));
        assert!(!layout(&[3, 2], &[usize::MAX, 1], 0).fits(6));
        assert!(!layout(&[2], &[1], usize::MAX).fits(6));
        assert!(!layout(&[7], &[0], 0).fits(6), "more elements than the storage holds");
    }

    proptest! {
        #[test]
        fn indices_follow_the_definition_and_stay_inside(
            dimensions in prop::collection::vec((0_usize..4, 0_usize..6), 0..4),
            offset in 0_usize..5,
            elements in 0_usize..80,
        ) {
            let (shape, strides): (Vec<_>, Vec<_>) = dimensions.into_iter().unzip();
            let layout = Layout { shape, strides, offset };
            let mut expected = vec![offset];
            for (size, stride) in layout.shape.iter().zip(&layout.strides) {
                expected = expected
                    .iter()
                    .flat_map(|base| (0..*size).map(move |position| base + position * stride))
                    .collect();
            }
            let inside = expected.iter().all(|index| *index < elements);
            prop_assert_eq!(layout.fits(elements), inside && expected.len() <= elements);
            prop_assert_eq!(layout.indices().collect::<Vec<_>>(), expected);
        }
    }
}
