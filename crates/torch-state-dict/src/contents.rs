//! What a pickle describes, checked before any tensor data is read.

use crate::error::quoted;
use crate::layout::Layout;
use crate::pickle::{Pickle, Rebuilt, Storage, Value};
use crate::{DataType, Error, Limits};

/// How many names an error quotes.
const QUOTED_KEYS: usize = 8;

/// Keys of the state dict in training checkpoints.
const NESTED: [&str; 3] = ["state_dict", "model_state_dict", "model"];

/// The tensors of a file, and the little-endian elements of each storage that they refer to.
pub(crate) type Contents = (Vec<Tensor>, Vec<Vec<u8>>);

/// A named tensor; its layout fits its storage.
#[derive(Debug, Clone)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) data_type: DataType,
    pub(crate) layout: Layout,
    pub(crate) element_count: usize,
    /// Position of the storage in the order in which the pickle mentions them.
    pub(crate) storage: usize,
}

impl Tensor {
    /// The error for a storage too small for this tensor.
    pub(crate) fn misfit(&self, elements: usize) -> Error {
        misfit(&self.name, &self.layout, elements)
    }
}

fn misfit(name: &str, layout: &Layout, elements: usize) -> Error {
    Error::Layout {
        name: name.to_owned(),
        shape: layout.shape.clone(),
        strides: layout.strides.clone(),
        offset: layout.offset,
        elements,
    }
}

/// The tensors of a pickled state dict, within `limits`.
pub(crate) fn tensors(pickle: &Pickle<'_>, limits: &Limits) -> Result<Vec<Tensor>, Error> {
    check_storages(pickle, limits)?;
    let entries = entries(pickle)?;
    let mut tensors = Vec::new();
    let mut bytes = 0_u64;
    for (key, value) in entries {
        let tensor = tensor(pickle, *key, *value, entries)?;
        bytes = bytes.saturating_add(tensor.data_type.byte_count(tensor.element_count));
        limits.check_unpacked("data of all tensors in bytes", bytes)?;
        tensors.push(tensor);
    }
    Ok(tensors)
}

fn check_storages(pickle: &Pickle<'_>, limits: &Limits) -> Result<(), Error> {
    let sizes = pickle.heap.storages().iter().map(Storage::byte_count);
    let bytes = sizes.fold(0, u64::saturating_add);
    limits.check_unpacked("data of all storages in bytes", bytes)
}

type Entries<'p, 'a> = &'p [(Value<'a>, Value<'a>)];

/// The entries of the state dict: the pickled dictionary, or the one that it keeps below a key of
/// [`NESTED`].
fn entries<'p, 'a>(pickle: &'p Pickle<'a>) -> Result<Entries<'p, 'a>, Error> {
    let outermost = pickle.heap.entries(pickle.root).ok_or_else(|| Error::NotStateDict {
        entry: "the pickled object".to_owned(),
        found: pickle.root.kind(),
        expected: "a dictionary of tensors",
        keys: Vec::new(),
    })?;
    let below = |wanted: &&str| {
        // As in Python, the last of equal keys wins.
        let mut entries = outermost.iter().rev();
        let (_, value) = entries.find(|(key, _)| *key == Value::Text(wanted))?;
        pickle.heap.entries(*value)
    };
    Ok(NESTED.iter().find_map(below).unwrap_or(outermost))
}

fn tensor(
    pickle: &Pickle<'_>,
    key: Value<'_>,
    value: Value<'_>,
    entries: Entries<'_, '_>,
) -> Result<Tensor, Error> {
    let refuse = |entry: String, found, expected| Error::NotStateDict {
        entry,
        found,
        expected,
        keys: quoted_keys(entries),
    };
    let Value::Text(name) = key else {
        return Err(refuse("a name in the dictionary".to_owned(), key.kind(), "a text"));
    };
    let Some(rebuilt) = pickle.heap.tensor(value) else {
        return Err(refuse(format!("entry `{}`", quoted(name)), value.kind(), "a tensor"));
    };
    placed(pickle, name, rebuilt)
}

/// Checks that the rebuilt tensor is within its storage.
fn placed(pickle: &Pickle<'_>, name: &str, rebuilt: &Rebuilt) -> Result<Tensor, Error> {
    let layout = &rebuilt.layout;
    let storage = pickle.heap.storages().get(rebuilt.storage);
    let elements = storage.map_or(0, |storage| storage.elements);
    match (storage, layout.element_count()) {
        (Some(storage), Some(element_count)) if layout.fits(elements) => Ok(Tensor {
            name: name.to_owned(),
            data_type: storage.data_type,
            layout: layout.clone(),
            element_count,
            storage: rebuilt.storage,
        }),
        _ => Err(misfit(&quoted(name), layout, elements)),
    }
}

fn quoted_keys(entries: Entries<'_, '_>) -> Vec<String> {
    let names = entries.iter().filter_map(|(key, _)| match key {
        Value::Text(name) => Some(quoted(name)),
        _ => None,
    });
    names.take(QUOTED_KEYS).collect()
}
