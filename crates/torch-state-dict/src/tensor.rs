//! A tensor of a state dict and its values.

use std::fmt;

use half::{bf16, f16};

use crate::contents::Tensor;
use crate::{DataType, Error};

/// One tensor, borrowed from its [`StateDict`](crate::StateDict).
///
/// It may be a strided view of a storage that other tensors share; [`to_f32`](Self::to_f32) and
/// [`to_i64`](Self::to_i64) gather its elements in row-major order.
#[derive(Clone, Copy)]
pub struct TensorView<'a> {
    tensor: &'a Tensor,
    storage: &'a [u8],
}

impl<'a> TensorView<'a> {
    /// `storage` holds the little-endian elements of the tensor's whole storage.
    pub(crate) fn new(tensor: &'a Tensor, storage: &'a [u8]) -> Self {
        Self { tensor, storage }
    }

    /// Size of each dimension; empty for a scalar.
    pub fn shape(&self) -> &'a [usize] {
        &self.tensor.layout.shape
    }

    /// Type of the stored elements.
    pub fn data_type(&self) -> DataType {
        self.tensor.data_type
    }

    /// Product of the [shape](Self::shape).
    pub fn element_count(&self) -> usize {
        self.tensor.element_count
    }

    /// The values of a floating-point tensor in row-major order.
    ///
    /// `float16` and `bfloat16` widen exactly; `float64` is rounded to the nearest `f32`.
    ///
    /// # Errors
    ///
    /// [`Error::DataType`] for integers and booleans.
    pub fn to_f32(&self) -> Result<Vec<f32>, Error> {
        match self.data_type() {
            DataType::F64 => self.gather(|bytes| f64::from_le_bytes(bytes) as f32),
            DataType::F32 => self.gather(f32::from_le_bytes),
            DataType::F16 => self.gather(|bytes| f16::from_le_bytes(bytes).to_f32()),
            DataType::BF16 => self.gather(|bytes| bf16::from_le_bytes(bytes).to_f32()),
            _ => Err(self.unexpected_type("a floating-point type")),
        }
    }

    /// The values of an integer or boolean tensor in row-major order.
    ///
    /// # Errors
    ///
    /// [`Error::DataType`] for floating-point tensors.
    pub fn to_i64(&self) -> Result<Vec<i64>, Error> {
        match self.data_type() {
            DataType::I64 => self.gather(i64::from_le_bytes),
            DataType::I32 => self.gather(|bytes| i64::from(i32::from_le_bytes(bytes))),
            DataType::I16 => self.gather(|bytes| i64::from(i16::from_le_bytes(bytes))),
            DataType::I8 => self.gather(|bytes| i64::from(i8::from_le_bytes(bytes))),
            DataType::U8 => self.gather(|[byte]| i64::from(byte)),
            DataType::Bool => self.gather(|[byte]| i64::from(byte != 0)),
            _ => Err(self.unexpected_type("an integer type")),
        }
    }

    fn gather<const SIZE: usize, T>(
        &self,
        decode: impl Fn([u8; SIZE]) -> T,
    ) -> Result<Vec<T>, Error> {
        let (elements, _) = self.storage.as_chunks::<SIZE>();
        let mut values = Vec::with_capacity(self.element_count().min(elements.len()));
        for index in self.tensor.layout.indices() {
            let element = elements.get(index).ok_or_else(|| self.tensor.misfit(elements.len()))?;
            values.push(decode(*element));
        }
        Ok(values)
    }

    fn unexpected_type(&self, expected: &'static str) -> Error {
        Error::DataType { name: self.tensor.name.clone(), expected, got: self.data_type() }
    }
}

/// The description without the data.
impl fmt::Debug for TensorView<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tensor.fmt(formatter)
    }
}
