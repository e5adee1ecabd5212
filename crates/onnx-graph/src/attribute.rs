//! Attributes of nodes.

use crate::Tensor;

/// A constant setting of a node.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Attribute {
    /// One number.
    Float(f32),
    /// One integer.
    Int(i64),
    /// One text.
    String(String),
    /// Several numbers.
    Floats(Vec<f32>),
    /// Several integers.
    Ints(Vec<i64>),
    /// Several texts.
    Strings(Vec<String>),
    /// A tensor.
    Tensor(Tensor),
}

macro_rules! from {
    ($($value:ty => $variant:ident),*) => {$(
        impl From<$value> for Attribute {
            fn from(value: $value) -> Self {
                Self::$variant(value)
            }
        }
    )*};
}

from!(
    f32 => Float, i64 => Int, String => String, Vec<f32> => Floats, Vec<i64> => Ints,
    Vec<String> => Strings, Tensor => Tensor
);

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}
