//! The error type of the crate.

use crate::data_type::DataType;

/// Why a graph cannot be built, or a model cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two nodes, or two values, of one name.
    #[error("there is already a {kind} named `{name}`")]
    DuplicateName {
        /// `node` or `value`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A name, an operator type or a metadata key that is empty.
    #[error("{what} is empty")]
    EmptyName {
        /// What lacks the name.
        what: String,
    },
    /// A value that is used before it is defined.
    #[error("{user} uses value `{value}`, which nothing before it defines")]
    UndefinedValue {
        /// The node or output that uses it.
        user: String,
        /// Name of the value.
        value: String,
    },
    /// A node whose input has another type or shape than its operator takes.
    #[error("node `{node}` ({op_type}) expects {expected}, got {got}")]
    Input {
        /// Name of the node.
        node: String,
        /// Its operator.
        op_type: String,
        /// What the operator expects.
        expected: String,
        /// The actual type.
        got: String,
    },
    /// An attribute or option that its operator does not take.
    #[error("attribute `{attribute}` of node `{node}` should be {expected}, got {got}")]
    Attribute {
        /// Name of the node.
        node: String,
        /// Name of the attribute.
        attribute: String,
        /// What the operator expects.
        expected: String,
        /// The actual value.
        got: String,
    },
    /// A declared type that contradicts what follows from the nodes.
    #[error("value `{value}` is declared as `{expected}`, but is `{got}`")]
    DeclaredType {
        /// Name of the value.
        value: String,
        /// The declared type.
        expected: String,
        /// The type that follows from the graph.
        got: String,
    },
    /// A tensor with more or fewer data than its shape takes.
    #[error("tensor `{tensor}` of shape {shape:?} takes {expected}, got {got}")]
    TensorLength {
        /// Name of the tensor.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Length that follows from the shape, with its unit.
        expected: String,
        /// Length of the data.
        got: usize,
    },
    /// Elements asked for in another type than the tensor holds.
    #[error("tensor `{tensor}` holds `{got}`, not `{expected}`")]
    ElementType {
        /// Name of the tensor.
        tensor: String,
        /// The type asked for.
        expected: DataType,
        /// The type held.
        got: DataType,
    },
    /// A value to be quantized without a range.
    #[error("the range of value `{value}` is not known")]
    MissingRange {
        /// Name of the value.
        value: String,
    },
    /// An operator set version that this crate does not support.
    #[error("opset {got} is not supported, expected {lowest} to {highest}")]
    Opset {
        /// The version.
        got: i64,
        /// The lowest supported one.
        lowest: i64,
        /// The highest supported one.
        highest: i64,
    },
    /// A model without a required part.
    #[error("the model has no {what}")]
    Missing {
        /// What it lacks.
        what: &'static str,
    },
    /// A feature of a file that this crate does not support.
    #[error("{owner} has {what}, which is not supported")]
    Unsupported {
        /// The node, tensor, value or model.
        owner: String,
        /// What it has.
        what: String,
    },
    /// More of something than is accepted.
    #[error("{got} {what} exceed the limit of {limit}")]
    Limit {
        /// What is counted.
        what: String,
        /// The limit.
        limit: usize,
        /// The count.
        got: usize,
    },
    /// Bytes that are not an ONNX model.
    #[error("the bytes are not an ONNX model")]
    Decode(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    pub(crate) fn undefined(user: impl Into<String>, value: &str) -> Self {
        Self::UndefinedValue { user: user.into(), value: value.to_owned() }
    }

    /// A suggested remedy, if there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Decode { .. } => {
                Some("check that the file is complete and was exported as `.onnx`".to_owned())
            }
            Self::Opset { lowest, highest, .. } => Some(format!(
                "export the model with an opset from {lowest} to {highest}, such as 18"
            )),
            Self::Unsupported { what, .. } if what.contains("external") => {
                Some("save the model with its weights in the same file".to_owned())
            }
            _ => None,
        }
    }
}
