//! The type of a tensor's elements.

use std::fmt;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_type() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, index);
            assert_eq!(DataType::from_storage_class(row.2), Some(row.0));
        }
        assert_eq!(DataType::from_storage_class("ComplexFloatStorage"), None);
    }
}
