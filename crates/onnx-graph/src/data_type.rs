//! Element types of tensors.

use std::fmt;

use crate::proto::tensor_proto::DataType as Code;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataType {
    /// IEEE 754 half precision.
    F16,
    /// The upper half of an IEEE 754 single.
    BF16,
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision.
    F64,
    /// Signed, 8 bits.
    I8,
    /// Signed, 16 bits.
    I16,
    /// Signed, 32 bits.
    I32,
    /// Signed, 64 bits.
    I64,
    /// Unsigned, 8 bits.
    U8,
    /// Unsigned, 16 bits.
    U16,
    /// Unsigned, 32 bits.
    U32,
    /// Unsigned, 64 bits.
    U64,
    /// One byte, 0 or 1.
    Bool,
}

/// Each type with its code in ONNX, its size in bytes and its name in messages.
const TABLE: [(DataType, Code, usize, &str); 13] = [
    (DataType::F16, Code::Float16, 2, "f16"),
    (DataType::BF16, Code::Bfloat16, 2, "bf16"),
    (DataType::F32, Code::Float, 4, "f32"),
    (DataType::F64, Code::Double, 8, "f64"),
    (DataType::I8, Code::Int8, 1, "i8"),
    (DataType::I16, Code::Int16, 2, "i16"),
    (DataType::I32, Code::Int32, 4, "i32"),
    (DataType::I64, Code::Int64, 8, "i64"),
    (DataType::U8, Code::Uint8, 1, "u8"),
    (DataType::U16, Code::Uint16, 2, "u16"),
    (DataType::U32, Code::Uint32, 4, "u32"),
    (DataType::U64, Code::Uint64, 8, "u64"),
    (DataType::Bool, Code::Bool, 1, "bool"),
];

impl DataType {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        TABLE[self as usize].2
    }

    /// Whether elements are floating-point numbers.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::BF16 | Self::F32 | Self::F64)
    }

    pub(crate) fn code(self) -> i32 {
        TABLE[self as usize].1 as i32
    }

    /// The type of a code, or the name of an unsupported one.
    pub(crate) fn from_code(code: i32) -> Result<Self, String> {
        let row = TABLE.iter().find(|row| row.1 as i32 == code);
        row.map(|row| row.0).ok_or_else(|| match Code::try_from(code) {
            Ok(code) => code.as_str_name().to_owned(),
            Err(_) => format!("number {code}"),
        })
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(TABLE[*self as usize].3)
    }
}

/// A Rust number type that can be stored in a tensor.
pub trait Element: Copy {
    /// Its type in ONNX.
    const DATA_TYPE: DataType;

    /// Appends its little-endian bytes.
    fn write(self, bytes: &mut Vec<u8>);

    /// Reads it from its little-endian bytes; `None` when there are not exactly as many as it has.
    fn read(bytes: &[u8]) -> Option<Self>;
}

/// The little-endian bytes of some elements.
pub(crate) fn bytes_of<T: Element>(elements: &[T]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size_of_val(elements));
    for element in elements {
        element.write(&mut bytes);
    }
    bytes
}

macro_rules! element {
    ($($number:ty => $data_type:ident),*) => {$(
        impl Element for $number {
            const DATA_TYPE: DataType = DataType::$data_type;

            fn write(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }

            fn read(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self::from_le_bytes)
            }
        }
    )*};
}

element!(
    f32 => F32, f64 => F64, i8 => I8, i16 => I16, i32 => I32, i64 => I64,
    u8 => U8, u16 => U16, u32 => U32, u64 => U64
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_stands_in_the_order_of_the_type() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, index);
            assert_eq!(DataType::from_code(row.0.code()), Ok(row.0));
        }
    }

    #[test]
    fn types_not_held_are_named() {
        assert_eq!(DataType::from_code(8), Err("STRING".to_owned()));
        assert_eq!(DataType::from_code(-7), Err("number -7".to_owned()));
    }
}
