//! The values on the machine's stack.

use super::global::Global;

/// A pickled value; texts borrow from the pickle, collections are positions in the heap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// Floats occur only beside the tensors, where nobody asks for their value.
    Float,
    Text(&'a str),
    Global(Global),
    Tuple(usize),
    List(usize),
    Dict(usize),
    OrderedDict(usize),
    Storage(usize),
    Tensor(usize),
}

impl Value<'_> {
    /// What the value is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::None => "`None`",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Float => "a float",
            Self::Text(_) => "a text",
            Self::Global(_) => "a function or class",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) | Self::OrderedDict(_) => "a dictionary",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
        }
    }
}
