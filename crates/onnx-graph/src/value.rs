//! Values that flow between nodes, a name with an element type and a shape, and constant tensors.

use std::fmt;

use crate::Error;
use crate::data_type::{DataType, Element, bytes_of};

/// The size of one dimension.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Dim {
    /// Known when the model is built.
    Fixed(usize),
    /// Known when the model runs; the same name means the same size (`dim_param` in ONNX).
    Symbol(String),
    /// Not known.
    Unknown,
}

impl Dim {
    /// A dimension whose size is known when the model runs.
    pub fn symbol(name: impl Into<String>) -> Self {
        Self::Symbol(name.into())
    }

    /// A dimension of fixed size.
    pub fn fixed(extent: usize) -> Self {
        Self::Fixed(extent)
    }

    /// The size if it is fixed.
    pub fn extent(&self) -> Option<usize> {
        match self {
            Self::Fixed(extent) => Some(*extent),
            Self::Symbol(_) | Self::Unknown => None,
        }
    }

    /// Whether both are fixed and differ.
    pub(crate) fn contradicts(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Fixed(a), Self::Fixed(b)) if a != b)
    }
}

impl From<usize> for Dim {
    fn from(extent: usize) -> Self {
        Self::Fixed(extent)
    }
}

/// A dimension whose size is known when the model runs.
impl From<&str> for Dim {
    fn from(name: &str) -> Self {
        Self::symbol(name)
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(extent) => write!(formatter, "{extent}"),
            Self::Symbol(name) => formatter.write_str(name),
            Self::Unknown => formatter.write_str("?"),
        }
    }
}

/// Element type and shape of a tensor; displayed as `f32[batch, 3, 224, 224]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TensorType {
    /// Type of the elements.
    pub data_type: DataType,
    /// Size of each dimension, outermost first; empty for a scalar.
    pub shape: Vec<Dim>,
}

impl TensorType {
    /// A type from its parts.
    pub fn new(data_type: DataType, shape: &[Dim]) -> Self {
        Self { data_type, shape: shape.to_vec() }
    }

    /// Combines two descriptions of the same tensor, preferring `self`; `None` when they contradict.
    pub(crate) fn merge(&self, other: &Self) -> Option<Self> {
        let same_rank = self.shape.len() == other.shape.len();
        let mut pairs = self.shape.iter().zip(&other.shape);
        if self.data_type != other.data_type || !same_rank || pairs.any(|(a, b)| a.contradicts(b)) {
            return None;
        }
        let known =
            |(own, other): (&Dim, &Dim)| if *own == Dim::Unknown { other } else { own }.clone();
        let shape = self.shape.iter().zip(&other.shape).map(known).collect();
        Some(Self { data_type: self.data_type, shape })
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape: Vec<_> = self.shape.iter().map(Dim::to_string).collect();
        write!(formatter, "{}[{}]", self.data_type, shape.join(", "))
    }
}

/// A named tensor of a graph: an input, an initializer or the result of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Value {
    pub(crate) name: String,
    pub(crate) tensor_type: TensorType,
}

impl Value {
    /// The name, unique in its graph.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Element type and shape.
    pub fn tensor_type(&self) -> &TensorType {
        &self.tensor_type
    }

    /// Type of the elements.
    pub fn data_type(&self) -> DataType {
        self.tensor_type.data_type
    }

    /// Size of each dimension, outermost first.
    pub fn shape(&self) -> &[Dim] {
        &self.tensor_type.shape
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.name, self.tensor_type)
    }
}

/// A constant of a graph, such as a layer's weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    name: String,
    data_type: DataType,
    shape: Vec<usize>,
    data: Vec<u8>,
}

impl Tensor {
    /// A tensor of `values` in row-major order.
    ///
    /// # Errors
    /// [`Error::TensorLength`] when there are not as many values as the shape takes.
    pub fn new<T: Element>(name: &str, shape: &[usize], values: &[T]) -> Result<Self, Error> {
        Self::from_raw(name, T::DATA_TYPE, shape, bytes_of(values))
    }

    /// A tensor from the little-endian bytes of its elements in row-major order.
    ///
    /// # Errors
    /// [`Error::TensorLength`] when there are not as many bytes as the shape takes.
    pub fn from_raw(
        name: &str,
        data_type: DataType,
        shape: &[usize],
        data: Vec<u8>,
    ) -> Result<Self, Error> {
        let bytes =
            shape.iter().try_fold(data_type.size(), |product, &extent| product.checked_mul(extent));
        if bytes != Some(data.len()) {
            let expected = match bytes {
                Some(bytes) => format!("{bytes} bytes"),
                None => "more bytes than can be addressed".to_owned(),
            };
            return Err(Error::TensorLength {
                tensor: name.into(),
                shape: shape.into(),
                expected,
                got: data.len(),
            });
        }
        Ok(Self { name: name.into(), data_type, shape: shape.into(), data })
    }

    /// The name, unique among the values of a graph.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Type of the elements.
    pub fn data_type(&self) -> DataType {
        self.data_type
    }

    /// Size of each dimension, outermost first; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The little-endian bytes of the elements in row-major order.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The elements in row-major order.
    ///
    /// # Errors
    /// [`Error::ElementType`] when the tensor holds another type.
    pub fn values<T: Element>(&self) -> Result<Vec<T>, Error> {
        if self.data_type != T::DATA_TYPE {
            let tensor = self.name.clone();
            return Err(Error::ElementType { tensor, expected: T::DATA_TYPE, got: self.data_type });
        }
        Ok(self.data.chunks_exact(self.data_type.size()).filter_map(T::read).collect())
    }

    pub(crate) fn tensor_type(&self) -> TensorType {
        let shape = self.shape.iter().copied().map(Dim::Fixed).collect();
        TensorType { data_type: self.data_type, shape }
    }

    pub(crate) fn value(&self) -> Value {
        Value { name: self.name.clone(), tensor_type: self.tensor_type() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back() {
        let tensor = Tensor::new("t", &[2, 2], &[1.0_f32, -2.5, f32::MAX, 0.0]).unwrap();
        assert_eq!(tensor.values::<f32>().unwrap(), [1.0, -2.5, f32::MAX, 0.0]);
        assert_eq!(tensor.data().len(), 16);
        let error = tensor.values::<i64>().unwrap_err();
        assert_eq!(error.to_string(), "tensor `t` holds `f32`, not `i64`");
    }

    #[test]
    fn length_must_follow_from_the_shape() {
        let error = Tensor::new("t", &[2, 3], &[0_i64; 5]).unwrap_err();
        assert_eq!(error.to_string(), "tensor `t` of shape [2, 3] takes 48 bytes, got 40");
        let error = Tensor::new("t", &[usize::MAX, 3], &[0_i64; 5]).unwrap_err();
        assert!(error.to_string().contains("more bytes than can be addressed"), "{error}");
        assert!(Tensor::new::<f32>("empty", &[0, 4], &[]).is_ok());
    }
}
