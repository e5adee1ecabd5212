//! Values that flow between nodes: a name with an element type and a shape.

use std::fmt;

use crate::DataType;

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
