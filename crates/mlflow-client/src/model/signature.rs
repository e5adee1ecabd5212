//! What goes into a model and comes out of it.

use serde_json::{Value, json};

/// What goes in and comes out, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    /// The inputs.
    pub inputs: Vec<TensorSpec>,
    /// The outputs.
    pub outputs: Vec<TensorSpec>,
}

/// A tensor's name, type and shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// The name within the network.
    pub name: String,
    /// The type of its elements.
    pub data_type: DataType,
    /// Its extents; −1 where any is allowed.
    pub shape: Vec<i64>,
}

/// The type of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataType {
    /// 16-bit floating point.
    Float16,
    /// 32-bit floating point.
    Float32,
    /// 64-bit floating point.
    Float64,
    /// 8 bits, unsigned.
    UInt8,
    /// 32 bits, signed.
    Int32,
    /// 64 bits, signed.
    Int64,
    /// True or false.
    Bool,
}

impl DataType {
    /// NumPy's name for it.
    fn name(self) -> &'static str {
        match self {
            Self::Float16 => "float16",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::UInt8 => "uint8",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Bool => "bool",
        }
    }
}

impl TensorSpec {
    /// A tensor's name, type and shape.
    pub fn new(name: impl Into<String>, data_type: DataType, shape: &[i64]) -> Self {
        Self {
            name: name.into(),
            data_type,
            shape: shape.to_vec(),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "type": "tensor",
            "tensor-spec": { "dtype": self.data_type.name(), "shape": self.shape },
        })
    }
}

impl Signature {
    /// MLflow keeps each side as JSON within a string.
    pub(super) fn to_json(&self) -> Value {
        let side = |specs: &[TensorSpec]| {
            let list: Vec<Value> = specs.iter().map(TensorSpec::to_json).collect();
            Value::Array(list).to_string()
        };
        json!({ "inputs": side(&self.inputs), "outputs": side(&self.outputs), "params": null })
    }
}
