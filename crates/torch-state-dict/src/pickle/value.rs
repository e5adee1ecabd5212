//! Pickled values, and the heap of collections, storages and tensors that they refer to.

use std::collections::HashMap;

use crate::DataType;
use crate::layout::Layout;

/// A pickled value; strings borrow from the pickle, collections are positions in the heap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// A float, whose value no state dict needs.
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

/// Something a pickle may name; `reduce` gives it a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Global {
    /// `collections.OrderedDict`
    OrderedDict,
    /// `torch._utils._rebuild_tensor(storage, offset, shape, strides)`, before PyTorch 0.4
    RebuildTensor,
    /// `torch._utils._rebuild_tensor_v2`, which adds gradient, hooks and metadata
    RebuildTensorV2,
    /// `torch._utils._rebuild_parameter(tensor, requires_grad, hooks)`
    RebuildParameter,
    /// `torch.FloatStorage` and its like
    Storage(DataType),
}

impl Global {
    /// The global of that name, if it is accepted.
    pub(super) fn find(module: &[u8], name: &[u8]) -> Option<Self> {
        match (module, name) {
            (b"collections", b"OrderedDict") => Some(Self::OrderedDict),
            (b"torch._utils", b"_rebuild_tensor") => Some(Self::RebuildTensor),
            (b"torch._utils", b"_rebuild_tensor_v2") => Some(Self::RebuildTensorV2),
            (b"torch._utils", b"_rebuild_parameter") => Some(Self::RebuildParameter),
            (b"torch", class) => {
                let class = std::str::from_utf8(class).ok()?;
                DataType::from_storage_class(class).map(Self::Storage)
            }
            _ => None,
        }
    }
}

/// What is wrong with an operation; the machine adds the position.
pub(super) type Problem = &'static str;

/// A run of elements of one type that tensors refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Storage<'a> {
    pub(crate) key: &'a str,
    pub(crate) data_type: DataType,
    pub(crate) elements: usize,
}

impl Storage<'_> {
    /// Size of the data in bytes; `u64::MAX` where that overflows.
    pub(crate) fn byte_count(&self) -> u64 {
        self.data_type.byte_count(self.elements)
    }
}

/// A tensor as the pickle describes it, unchecked.
pub(crate) struct Rebuilt {
    /// Position of its storage.
    pub(crate) storage: usize,
    pub(crate) layout: Layout,
}

/// Everything that a [`Value`] names by position.
#[derive(Default)]
pub(crate) struct Heap<'a> {
    sequences: Vec<Vec<Value<'a>>>,
    dictionaries: Vec<Vec<(Value<'a>, Value<'a>)>>,
    storages: Vec<Storage<'a>>,
    storage_positions: HashMap<&'a str, usize>,
    tensors: Vec<Rebuilt>,
}

impl<'a> Heap<'a> {
    /// All storages in the order in which the pickle mentions them first.
    pub(crate) fn storages(&self) -> &[Storage<'a>] {
        &self.storages
    }

    /// The position of the storage called `key`.
    pub(crate) fn storage_position(&self, key: &str) -> Option<usize> {
        self.storage_positions.get(key).copied()
    }

    /// The items of a tuple or list.
    pub(crate) fn items(&self, value: Value<'_>) -> Option<&[Value<'a>]> {
        match value {
            Value::Tuple(position) | Value::List(position) => {
                self.sequences.get(position).map(Vec::as_slice)
            }
            _ => None,
        }
    }

    /// The entries of a dictionary, in order of insertion; keys may repeat.
    pub(crate) fn entries(&self, value: Value<'_>) -> Option<&[(Value<'a>, Value<'a>)]> {
        match value {
            Value::Dict(position) | Value::OrderedDict(position) => {
                self.dictionaries.get(position).map(Vec::as_slice)
            }
            _ => None,
        }
    }

    /// The tensor behind a value.
    pub(crate) fn tensor(&self, value: Value<'_>) -> Option<&Rebuilt> {
        match value {
            Value::Tensor(position) => self.tensors.get(position),
            _ => None,
        }
    }

    pub(super) fn add_tuple(&mut self, items: Vec<Value<'a>>) -> Value<'a> {
        Value::Tuple(append(&mut self.sequences, items))
    }

    pub(super) fn add_list(&mut self) -> Value<'a> {
        Value::List(append(&mut self.sequences, Vec::new()))
    }

    pub(super) fn add_dict(&mut self) -> Value<'a> {
        Value::Dict(append(&mut self.dictionaries, Vec::new()))
    }

    pub(super) fn add_ordered_dict(&mut self, entries: Vec<(Value<'a>, Value<'a>)>) -> Value<'a> {
        Value::OrderedDict(append(&mut self.dictionaries, entries))
    }

    pub(super) fn add_tensor(&mut self, tensor: Rebuilt) -> Value<'a> {
        Value::Tensor(append(&mut self.tensors, tensor))
    }

    /// Several tensors may refer to one storage, with the same description.
    pub(super) fn add_storage(&mut self, storage: Storage<'a>) -> Result<Value<'a>, Problem> {
        if let Some(position) = self.storage_position(storage.key) {
            if self.storages.get(position) != Some(&storage) {
                return Err("a storage is described in two ways");
            }
            return Ok(Value::Storage(position));
        }
        let position = append(&mut self.storages, storage);
        self.storage_positions.insert(storage.key, position);
        Ok(Value::Storage(position))
    }

    /// Appends to a list.
    pub(super) fn extend(&mut self, list: Value<'_>, items: &[Value<'a>]) -> Result<(), Problem> {
        let Value::List(position) = list else {
            return Err("items for something other than a list");
        };
        let sequence = self.sequences.get_mut(position).ok_or("a list that does not exist")?;
        sequence.extend_from_slice(items);
        Ok(())
    }

    /// Inserts alternating keys and values into a dictionary.
    pub(super) fn insert(&mut self, target: Value<'_>, items: &[Value<'a>]) -> Result<(), Problem> {
        let (Value::Dict(position) | Value::OrderedDict(position)) = target else {
            return Err("entries for something other than a dictionary");
        };
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err("a key without a value");
        }
        let entries =
            self.dictionaries.get_mut(position).ok_or("a dictionary that does not exist")?;
        entries.extend(pairs.iter().map(|[key, value]| (*key, *value)));
        Ok(())
    }
}

/// The position of the item appended.
fn append<T>(items: &mut Vec<T>, item: T) -> usize {
    items.push(item);
    items.len() - 1
}
