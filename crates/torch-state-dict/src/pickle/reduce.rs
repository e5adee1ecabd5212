//! The accepted globals: Python would call them, here they describe data.

use super::value::{Global, Heap, Problem, Rebuilt, Storage, Value};
use crate::layout::Layout;

/// PyTorch's own limit.
const MAX_DIMENSIONS: usize = 64;

/// A reduced value and the steps it costs beyond its opcode.
pub(super) type Reduced<'a> = Result<(Value<'a>, usize), Problem>;

/// What calling `function` with the tuple `arguments` stands for.
pub(super) fn reduce<'a>(
    heap: &mut Heap<'a>,
    function: Value<'a>,
    arguments: Value<'a>,
) -> Reduced<'a> {
    let Value::Global(function) = function else {
        return Err("a call of something other than a global");
    };
    let arguments = match arguments {
        Value::Tuple(_) => heap.items(arguments).unwrap_or_default(),
        _ => return Err("call arguments that are not a tuple"),
    };
    match (function, arguments) {
        (Global::OrderedDict, []) => Ok((heap.add_ordered_dict(Vec::new()), 0)),
        (Global::OrderedDict, [pairs]) => ordered_dict(heap, *pairs),
        (
            Global::RebuildTensor | Global::RebuildTensorV2,
            [storage, offset, shape, strides, rest @ ..],
        ) => {
            check_extras(heap, function, rest)?;
            tensor(heap, *storage, *offset, *shape, *strides)
        }
        (Global::RebuildParameter, [tensor @ Value::Tensor(_), _, _]) => Ok((*tensor, 0)),
        (Global::Storage(_), _) => Err("a call of a storage class"),
        _ => Err("a call with unknown arguments"),
    }
}

/// Python 2 pickled an ordered dictionary as the list of its pairs.
fn ordered_dict<'a>(heap: &mut Heap<'a>, pairs: Value<'a>) -> Reduced<'a> {
    let pairs = heap.items(pairs).ok_or("an `OrderedDict` of something other than pairs")?;
    let mut entries = Vec::new();
    for pair in pairs {
        let Some([key, value]) = heap.items(*pair) else {
            return Err("an `OrderedDict` of something other than pairs");
        };
        entries.push((*key, *value));
    }
    let steps = entries.len();
    Ok((heap.add_ordered_dict(entries), steps))
}

/// Version 2 adds `requires_grad`, hooks and, later, metadata.
///
/// The metadata holds the conjugate and negative bits of lazy views, which are not supported.
fn check_extras(heap: &Heap<'_>, function: Global, extras: &[Value<'_>]) -> Result<(), Problem> {
    match (function, extras) {
        (Global::RebuildTensor, []) | (Global::RebuildTensorV2, [_, _] | [_, _, Value::None]) => {
            Ok(())
        }
        (Global::RebuildTensorV2, [_, _, metadata]) => match heap.entries(*metadata) {
            Some([]) => Ok(()),
            _ => Err("a tensor with metadata"),
        },
        _ => Err("a tensor with unknown arguments"),
    }
}

fn tensor<'a>(
    heap: &mut Heap<'a>,
    storage: Value<'a>,
    offset: Value<'a>,
    shape: Value<'a>,
    strides: Value<'a>,
) -> Reduced<'a> {
    let Value::Storage(storage) = storage else {
        return Err("a tensor without a storage");
    };
    let layout = Layout {
        shape: sizes(heap, shape)?,
        strides: sizes(heap, strides)?,
        offset: size(offset)?,
    };
    if layout.shape.len() != layout.strides.len() {
        return Err("a tensor with unequal numbers of sizes and strides");
    }
    let steps = layout.shape.len();
    Ok((heap.add_tensor(Rebuilt { storage, layout }), steps))
}

fn sizes(heap: &Heap<'_>, value: Value<'_>) -> Result<Vec<usize>, Problem> {
    let items = heap.items(value).ok_or("a shape or strides that are not a tuple")?;
    if items.len() > MAX_DIMENSIONS {
        return Err("a tensor of more than 64 dimensions");
    }
    items.iter().map(|item| size(*item)).collect()
}

fn size(value: Value<'_>) -> Result<usize, Problem> {
    let Value::Int(size) = value else {
        return Err("a size that is not an integer");
    };
    usize::try_from(size).map_err(|_| "a negative size")
}

/// The storage that a persistent id stands for:
/// `('storage', class, key, location, elements)`, in the legacy layout followed by `None`.
pub(super) fn storage<'a>(heap: &mut Heap<'a>, id: Value<'a>) -> Result<Value<'a>, Problem> {
    let Some(
        [
            Value::Text("storage"),
            Value::Global(Global::Storage(data_type)),
            Value::Text(key),
            Value::Text(_),
            elements,
            view @ ..,
        ],
    ) = heap.items(id)
    else {
        return Err("a persistent id that is not a storage");
    };
    if !matches!(view, [] | [Value::None]) {
        return Err("a storage that is a view of another");
    }
    let storage = Storage { key, data_type: *data_type, elements: size(*elements)? };
    heap.add_storage(storage)
}
