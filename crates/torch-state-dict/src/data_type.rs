//! The element types of tensors.

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

impl DataType {
    /// Size of one element in bytes.
    pub fn element_size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::BF16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// Size of `elements` in bytes; `u64::MAX` where that overflows.
    pub(crate) fn byte_count(self, elements: usize) -> u64 {
        (elements as u64).saturating_mul(self.element_size() as u64)
    }

    /// The type behind a class of the module `torch`, such as `FloatStorage`.
    pub(crate) fn from_storage_class(class: &str) -> Option<Self> {
        Some(match class {
            "DoubleStorage" => Self::F64,
            "FloatStorage" => Self::F32,
            "HalfStorage" => Self::F16,
            "BFloat16Storage" => Self::BF16,
            "LongStorage" => Self::I64,
            "IntStorage" => Self::I32,
            "ShortStorage" => Self::I16,
            "CharStorage" => Self::I8,
            "ByteStorage" => Self::U8,
            "BoolStorage" => Self::Bool,
            _ => return None,
        })
    }
}

/// The name that PyTorch gives the type, without `torch.`.
impl fmt::Display for DataType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::F64 => "float64",
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
            Self::I64 => "int64",
            Self::I32 => "int32",
            Self::I16 => "int16",
            Self::I8 => "int8",
            Self::U8 => "uint8",
            Self::Bool => "bool",
        })
    }
}
