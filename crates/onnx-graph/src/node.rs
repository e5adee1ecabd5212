//! Nodes: operators with their inputs, outputs and attributes.

use std::collections::BTreeMap;

use crate::value::{Tensor, Value};

/// One use of an operator of the default ONNX domain.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub(crate) name: String,
    pub(crate) op_type: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    pub(crate) attributes: BTreeMap<String, Attribute>,
}

impl Node {
    /// A node with one output, which has the name of the node.
    pub fn new(name: &str, op_type: &str, inputs: &[&Value]) -> Self {
        Self {
            name: name.to_owned(),
            op_type: op_type.to_owned(),
            inputs: inputs.iter().map(|value| value.name.clone()).collect(),
            outputs: vec![name.to_owned()],
            attributes: BTreeMap::new(),
        }
    }

    /// Sets an attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: &str, attribute: impl Into<Attribute>) -> Self {
        self.attributes.insert(name.to_owned(), attribute.into());
        self
    }

    /// The name, unique in its graph; may be empty in foreign models.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The operator, such as `Conv`.
    pub fn op_type(&self) -> &str {
        &self.op_type
    }

    /// Names of the input values; empty for an omitted optional one.
    pub fn inputs(&self) -> &[String] {
        &self.inputs
    }

    /// Names of the output values; empty for an omitted optional one.
    pub fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// The attributes by name.
    pub fn attributes(&self) -> &BTreeMap<String, Attribute> {
        &self.attributes
    }

    /// Renames a value among the inputs and outputs.
    pub(crate) fn rename_value(&mut self, from: &str, to: &str) {
        let names = self.inputs.iter_mut().chain(&mut self.outputs);
        for name in names.filter(|name| *name == from) {
            to.clone_into(name);
        }
    }

    /// The node's name in error messages.
    pub(crate) fn label(&self) -> &str {
        let first_output = || self.outputs.first().map_or("", String::as_str);
        if self.name.is_empty() { first_output() } else { &self.name }
    }
}

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
