//! An example of what a model takes.

use super::signature::Signature;
use crate::error::Result;
use crate::limits::invalid;
use serde_json::{Map, Value};

/// A tensor of an input example.
#[derive(Debug, Clone, PartialEq)]
pub struct ExampleTensor {
    /// The name of the input.
    pub name: String,
    /// Its extents.
    pub shape: Vec<usize>,
    /// Its elements, the last extent running fastest.
    pub values: Vec<f32>,
}

/// `{"x": [[1.0, …], …]}`, after checking it against the signature.
pub(super) fn to_json(example: &[ExampleTensor], signature: &Signature) -> Result<Value> {
    let mut tensors = Map::new();
    for spec in &signature.inputs {
        let tensor = example.iter().find(|tensor| tensor.name == spec.name);
        let fits = |tensor: &&ExampleTensor| {
            tensor.shape.len() == spec.shape.len()
                && tensor
                    .shape
                    .iter()
                    .zip(&spec.shape)
                    .all(|(extent, wanted)| *wanted == -1 || *extent as i64 == *wanted)
                && count(&tensor.shape) == Some(tensor.values.len())
        };
        let tensor = tensor.filter(fits).ok_or_else(|| {
            let expected = format!("a tensor of shape {:?} with all its values", spec.shape);
            invalid("input example", &spec.name, expected)
        })?;
        tensors.insert(spec.name.clone(), nested(&tensor.shape, &tensor.values));
    }
    Ok(Value::Object(tensors))
}

fn count(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1_usize, |product, extent| product.checked_mul(*extent))
}

fn nested(shape: &[usize], values: &[f32]) -> Value {
    match shape {
        [] => values.first().map_or(Value::Null, |value| number(*value)),
        [_] => values.iter().map(|value| number(*value)).collect(),
        [extent, inner @ ..] => {
            let size = values.len() / (*extent).max(1);
            values
                .chunks(size.max(1))
                .map(|part| nested(inner, part))
                .collect()
        }
    }
}

/// The shortest decimal that reads back as the same `f32`; its `f64` would have a long tail.
fn number(value: f32) -> Value {
    value
        .to_string()
        .parse::<f64>()
        .map_or(Value::Null, Value::from)
}
