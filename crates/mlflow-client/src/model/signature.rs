//! Inputs and outputs of a model, with an example.

use crate::error::Result;
use crate::limits::invalid;
use serde_json::{Map, Value, json};

/// The inputs and outputs of a model, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signature {
    /// The inputs.
    pub inputs: Vec<TensorSpec>,
    /// The outputs.
    pub outputs: Vec<TensorSpec>,
}

/// A tensor's name, type and shape.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TensorSpec {
    /// The name within the network.
    pub name: String,
    /// The type of its elements.
    pub data_type: DataType,
    /// Its dimensions; −1 where any size is allowed.
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
        Self { name: name.into(), data_type, shape: shape.to_vec() }
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
    /// A signature of these inputs and outputs.
    pub fn new(
        inputs: impl IntoIterator<Item = TensorSpec>,
        outputs: impl IntoIterator<Item = TensorSpec>,
    ) -> Self {
        Self { inputs: inputs.into_iter().collect(), outputs: outputs.into_iter().collect() }
    }

    pub(super) fn to_json(&self) -> Value {
        signature_json(
            self.inputs.iter().map(TensorSpec::to_json),
            self.outputs.iter().map(TensorSpec::to_json),
        )
    }

    /// `{"x": [[1.0, …], …]}`, after checking it against the inputs.
    pub(super) fn example(&self, example: &[ExampleTensor]) -> Result<Value> {
        let mut tensors = Map::new();
        for spec in &self.inputs {
            let tensor = example.iter().find(|tensor| tensor.fits(spec)).ok_or_else(|| {
                let expected = format!("a tensor of shape {:?} with all its values", spec.shape);
                invalid("input example", &spec.name, expected)
            })?;
            tensors.insert(spec.name.clone(), nested(&tensor.shape, &tensor.values));
        }
        Ok(Value::Object(tensors))
    }
}

/// A signature in MLflow's form: each side is JSON within a string.
pub(super) fn signature_json(
    inputs: impl Iterator<Item = Value>,
    outputs: impl Iterator<Item = Value>,
) -> Value {
    json!({
        "inputs": inputs.collect::<Value>().to_string(),
        "outputs": outputs.collect::<Value>().to_string(),
        "params": null,
    })
}

/// A tensor of an input example.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ExampleTensor {
    /// The name of the input.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its elements in row-major order.
    pub values: Vec<f32>,
}

impl ExampleTensor {
    /// A tensor for the input of this name.
    pub fn new(name: impl Into<String>, shape: &[usize], values: impl Into<Vec<f32>>) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), values: values.into() }
    }

    fn fits(&self, spec: &TensorSpec) -> bool {
        let pairs = self.shape.iter().zip(&spec.shape);
        let count = self.shape.iter().try_fold(1_usize, |count, extent| count.checked_mul(*extent));
        self.name == spec.name
            && self.shape.len() == spec.shape.len()
            && pairs.into_iter().all(|(extent, wanted)| *wanted == -1 || *extent as i64 == *wanted)
            && count == Some(self.values.len())
    }
}

/// Lists of lists, as deep as the shape, which the caller has written.
fn nested(shape: &[usize], values: &[f32]) -> Value {
    match shape {
        [] => values.first().map_or(Value::Null, |value| number(*value)),
        [_] => values.iter().map(|value| number(*value)).collect(),
        [extent, inner @ ..] => {
            let size = values.len() / (*extent).max(1);
            values.chunks(size.max(1)).map(|part| nested(inner, part)).collect()
        }
    }
}

/// The shortest decimal that reads back as the same `f32`; its `f64` would have a long tail.
fn number(value: f32) -> Value {
    value.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}
