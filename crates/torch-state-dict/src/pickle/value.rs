//! Pickled values, the heap of collections, storages and tensors that they refer to, and the accepted
//! globals: Python would call them, here they describe data.

use std::collections::HashMap;

use crate::data_type::DataType;
use crate::layout::Layout;

/// PyTorch's own limit.
const MAX_DIMENSIONS: usize = 64;

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

/// Something a pickle may name; [`Heap::reduce`] gives it a meaning.
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

/// A reduced value and the steps it costs beyond its opcode.
type Reduced<'a> = Result<(Value<'a>, usize), Problem>;

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

    fn add_ordered_dict(&mut self, entries: Vec<(Value<'a>, Value<'a>)>) -> Value<'a> {
        Value::OrderedDict(append(&mut self.dictionaries, entries))
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

    /// What calling `function` with the tuple `arguments` stands for.
    pub(super) fn reduce(&mut self, function: Value<'a>, arguments: Value<'a>) -> Reduced<'a> {
        let Value::Global(function) = function else {
            return Err("a call of something other than a global");
        };
        let arguments = match arguments {
            Value::Tuple(_) => self.items(arguments).unwrap_or_default(),
            _ => return Err("call arguments that are not a tuple"),
        };
        match (function, arguments) {
            (Global::OrderedDict, []) => Ok((self.add_ordered_dict(Vec::new()), 0)),
            (Global::OrderedDict, [pairs]) => self.ordered_dict(*pairs),
            (
                Global::RebuildTensor | Global::RebuildTensorV2,
                [storage, offset, shape, strides, rest @ ..],
            ) => {
                self.check_extras(function, rest)?;
                self.tensor_of(*storage, *offset, *shape, *strides)
            }
            (Global::RebuildParameter, [tensor @ Value::Tensor(_), _, _]) => Ok((*tensor, 0)),
            (Global::Storage(_), _) => Err("a call of a storage class"),
            _ => Err("a call with unknown arguments"),
        }
    }

    /// Python 2 pickled an ordered dictionary as the list of its pairs.
    fn ordered_dict(&mut self, pairs: Value<'a>) -> Reduced<'a> {
        let problem = "an `OrderedDict` of something other than pairs";
        let mut entries = Vec::new();
        for pair in self.items(pairs).ok_or(problem)? {
            let Some([key, value]) = self.items(*pair) else { return Err(problem) };
            entries.push((*key, *value));
        }
        let steps = entries.len();
        Ok((self.add_ordered_dict(entries), steps))
    }

    /// Version 2 adds `requires_grad`, hooks and, later, metadata.
    ///
    /// The metadata holds the conjugate and negative bits of lazy views, which are not supported.
    fn check_extras(&self, function: Global, extras: &[Value<'_>]) -> Result<(), Problem> {
        match (function, extras) {
            (Global::RebuildTensor, [])
            | (Global::RebuildTensorV2, [_, _] | [_, _, Value::None]) => Ok(()),
            (Global::RebuildTensorV2, [_, _, metadata]) => match self.entries(*metadata) {
                Some([]) => Ok(()),
                _ => Err("a tensor with metadata"),
            },
            _ => Err("a tensor with unknown arguments"),
        }
    }

    fn tensor_of(
        &mut self,
        storage: Value<'a>,
        offset: Value<'a>,
        shape: Value<'a>,
        strides: Value<'a>,
    ) -> Reduced<'a> {
        let Value::Storage(storage) = storage else {
            return Err("a tensor without a storage");
        };
        let (shape, strides) = (self.sizes(shape)?, self.sizes(strides)?);
        let layout = Layout { shape, strides, offset: size(offset)? };
        let steps = layout.shape.len();
        if layout.strides.len() != steps {
            return Err("a tensor with unequal numbers of sizes and strides");
        }
        Ok((Value::Tensor(append(&mut self.tensors, Rebuilt { storage, layout })), steps))
    }

    fn sizes(&self, value: Value<'_>) -> Result<Vec<usize>, Problem> {
        let items = self.items(value).ok_or("a shape or strides that are not a tuple")?;
        if items.len() > MAX_DIMENSIONS {
            return Err("a tensor of more than 64 dimensions");
        }
        items.iter().map(|item| size(*item)).collect()
    }

    /// The storage that a persistent id stands for:
    /// `('storage', class, key, location, elements)`, in the legacy layout followed by `None`.
    ///
    /// Several tensors may refer to one storage, with the same description.
    pub(super) fn storage_of(&mut self, id: Value<'a>) -> Result<Value<'a>, Problem> {
        let Some(
            [
                Value::Text("storage"),
                Value::Global(Global::Storage(data_type)),
                Value::Text(key),
                Value::Text(_),
                elements,
                view @ ..,
            ],
        ) = self.items(id)
        else {
            return Err("a persistent id that is not a storage");
        };
        if !matches!(view, [] | [Value::None]) {
            return Err("a storage that is a view of another");
        }
        let storage = Storage { key, data_type: *data_type, elements: size(*elements)? };
        if let Some(position) = self.storage_position(key) {
            if self.storages.get(position) != Some(&storage) {
                return Err("a storage is described in two ways");
            }
            return Ok(Value::Storage(position));
        }
        let position = append(&mut self.storages, storage);
        self.storage_positions.insert(storage.key, position);
        Ok(Value::Storage(position))
    }
}

/// The position of the item appended.
fn append<T>(items: &mut Vec<T>, item: T) -> usize {
    items.push(item);
    items.len() - 1
}

fn size(value: Value<'_>) -> Result<usize, Problem> {
    let Value::Int(size) = value else {
        return Err("a size that is not an integer");
    };
    usize::try_from(size).map_err(|_| "a negative size")
}
