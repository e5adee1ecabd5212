//! The tensors and storages of a file, in either layout of `torch.save`.
//!
//! Since PyTorch 1.6, a file is a zip archive with the pickle and one entry for each storage. Before,
//! it was a chain of pickles followed by the raw storages, as in `_legacy_save` of
//! `torch/serialization.py`: the magic number, the protocol version, a description of the writing
//! system, the object, the list of storage keys; then, for each key, the number of elements as a
//! 64-bit integer and the elements. All numbers are little-endian.

use std::io::{Cursor as Seekable, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::cursor::Cursor;
use crate::data_type::DataType;
use crate::error::quoted;
use crate::layout::Layout;
use crate::pickle::{self, Pickle, Rebuilt, Storage, Value};
use crate::{Error, Limits};

/// The name of the pickle in an archive, without its folder.
const PICKLE_SUFFIX: &str = "/data.pkl";

/// Enough for `little` and `big`; a longer entry is truncated and then rejected.
const BYTE_ORDER_LENGTH: u64 = 16;

/// The pickled magic number `0x1950a86a20f9469cfc6c` of a legacy file, in protocol 2.
const MAGIC_PICKLE: [u8; 15] = *b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// The version of the legacy layout that every PyTorch writes.
const PROTOCOL_VERSION: i64 = 1001;

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

/// Reads a file in the layout that its content begins with.
pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Contents, Error> {
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        read_archive(bytes, limits)
    } else if is_legacy(bytes) {
        read_legacy(bytes, limits)
    } else {
        Err(Error::UnknownFormat { start: bytes.iter().take(8).copied().collect() })
    }
}

type Archive<'a> = ZipArchive<Seekable<&'a [u8]>>;

fn read_archive(bytes: &[u8], limits: &Limits) -> Result<Contents, Error> {
    let opened = ZipArchive::new(Seekable::new(bytes));
    let mut archive = opened.map_err(|error| broken("the directory".to_owned(), error))?;
    let folder = folder(&archive)?;
    let name = format!("{folder}{PICKLE_SUFFIX}");
    let pickled = read_at_most(&mut archive, &name, limits.unpacked_bytes.saturating_add(1))?;
    limits.check_unpacked("pickle in bytes", pickled.len() as u64)?;
    let mut cursor = Cursor::new(&pickled);
    let object = pickle::load(&mut cursor, limits)?;
    cursor.finish()?;
    let tensors = tensors(&object, limits)?;
    let big_endian = is_big_endian(&mut archive, &folder)?;
    let mut storages = Vec::new();
    for storage in object.heap.storages() {
        let mut data = read_entry(&mut archive, &folder, storage)?;
        if big_endian {
            let elements = data.chunks_exact_mut(storage.data_type.element_size());
            elements.for_each(<[u8]>::reverse);
        }
        storages.push(data);
    }
    Ok((tensors, storages))
}

/// The archive's only folder with a pickle. Its name is arbitrary: that of the file when it was saved.
fn folder(archive: &Archive<'_>) -> Result<String, Error> {
    let names = archive.file_names().filter_map(Result::ok);
    let folders = names.filter_map(|name| name.strip_suffix(PICKLE_SUFFIX).map(str::to_owned));
    let mut folders: Vec<String> = folders.filter(|folder| !folder.contains('/')).collect();
    match (folders.pop(), folders.len()) {
        (Some(folder), 0) => Ok(folder),
        (last, others) => Err(Error::ArchivePickle { count: others + usize::from(last.is_some()) }),
    }
}

/// Files without the entry come from before PyTorch 2.1, which wrote little-endian data only.
fn is_big_endian(archive: &mut Archive<'_>, folder: &str) -> Result<bool, Error> {
    let name = format!("{folder}/byteorder");
    if archive.index_for_name(&name).is_none() {
        return Ok(false);
    }
    match read_at_most(archive, &name, BYTE_ORDER_LENGTH)?.as_slice() {
        b"little" => Ok(false),
        b"big" => Ok(true),
        other => Err(Error::ByteOrder { got: String::from_utf8_lossy(other).into_owned() }),
    }
}

fn read_entry(
    archive: &mut Archive<'_>,
    folder: &str,
    storage: &Storage<'_>,
) -> Result<Vec<u8>, Error> {
    let expected = storage.byte_count();
    let name = format!("{folder}/data/{}", storage.key);
    let data = read_at_most(archive, &name, expected.saturating_add(1))?;
    check_size(storage, "bytes", expected, data.len() as u64)?;
    Ok(data)
}

/// Unpacks an entry up to a limit; allocates for actual data, not for the declared size.
fn read_at_most(archive: &mut Archive<'_>, name: &str, limit: u64) -> Result<Vec<u8>, Error> {
    let quoted_name = || format!("`{}`", quoted(name));
    let file = archive.by_name(name).map_err(|error| broken(quoted_name(), error))?;
    let mut data = Vec::new();
    let read = file.take(limit).read_to_end(&mut data);
    read.map_err(|error| broken(quoted_name(), error.into()))?;
    Ok(data)
}

fn broken(entry: String, error: ZipError) -> Error {
    Error::Archive { entry, source: error.into() }
}

/// Whether the bytes begin with the magic number, in whatever pickle protocol.
fn is_legacy(bytes: &[u8]) -> bool {
    let magic_number = MAGIC_PICKLE.get(4..14).unwrap_or_default();
    let start = bytes.get(..32).unwrap_or(bytes);
    start.first() == Some(&0x80) && start.windows(10).any(|window| window == magic_number)
}

fn read_legacy(bytes: &[u8], limits: &Limits) -> Result<Contents, Error> {
    let mut cursor = Cursor::new(bytes);
    read_head(&mut cursor, limits)?;
    let object = pickle::load(&mut cursor, limits)?;
    let tensors = tensors(&object, limits)?;
    let keys = pickle::load(&mut cursor, limits)?;
    let storages = read_storages(&mut cursor, &object, &keys)?;
    cursor.finish()?;
    Ok((tensors, storages))
}

fn read_head(cursor: &mut Cursor<'_>, limits: &Limits) -> Result<(), Error> {
    let magic = cursor.array::<{ MAGIC_PICKLE.len() }>("the magic number")?;
    if magic != MAGIC_PICKLE {
        return Err(Error::Protocol { offset: 0, got: magic[1] });
    }
    let version = pickle::load(cursor, limits)?.root;
    if version != Value::Int(PROTOCOL_VERSION) {
        return Err(Error::Legacy { problem: "the protocol version is not 1001" });
    }
    // The description of the writing system: data is little-endian in any case.
    pickle::load(cursor, limits)?;
    Ok(())
}

/// The data of every storage of `object`, in its order.
fn read_storages(
    cursor: &mut Cursor<'_>,
    object: &Pickle<'_>,
    keys: &Pickle<'_>,
) -> Result<Vec<Vec<u8>>, Error> {
    let described = object.heap.storages();
    let mut storages = vec![None; described.len()];
    let problem = "the storage keys are not a list";
    for key in keys.heap.items(keys.root).ok_or(Error::Legacy { problem })? {
        let Value::Text(key) = key else {
            return Err(Error::Legacy { problem: "a storage key is not a string" });
        };
        let position = object.heap.storage_position(key);
        let known = position.and_then(|at| described.get(at).zip(storages.get_mut(at)));
        let (storage, slot) = known.ok_or_else(|| unmatched(key, "is not described"))?;
        if slot.replace(read_storage(cursor, storage)?).is_some() {
            return Err(unmatched(key, "has its data twice"));
        }
    }
    let data = storages.into_iter().zip(described);
    data.map(|(data, storage)| data.ok_or_else(|| unmatched(storage.key, "has no data"))).collect()
}

fn read_storage(cursor: &mut Cursor<'_>, storage: &Storage<'_>) -> Result<Vec<u8>, Error> {
    let elements = u64::from_le_bytes(cursor.array("a storage's size")?);
    check_size(storage, "elements", storage.elements as u64, elements)?;
    Ok(cursor.take(storage.byte_count(), "a storage")?.to_vec())
}

fn unmatched(key: &str, problem: &'static str) -> Error {
    Error::StorageKey { key: quoted(key), problem }
}

fn check_size(
    storage: &Storage<'_>,
    unit: &'static str,
    expected: u64,
    got: u64,
) -> Result<(), Error> {
    if expected == got {
        return Ok(());
    }
    Err(Error::StorageSize { key: quoted(storage.key), unit, expected, got })
}

/// The tensors of a pickled state dict, within `limits`.
fn tensors(pickle: &Pickle<'_>, limits: &Limits) -> Result<Vec<Tensor>, Error> {
    let sizes = pickle.heap.storages().iter().map(Storage::byte_count);
    let bytes = sizes.fold(0, u64::saturating_add);
    limits.check_unpacked("data of all storages in bytes", bytes)?;
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
        _ => Err(layout.misfit(&quoted(name), elements)),
    }
}

fn quoted_keys(entries: Entries<'_, '_>) -> Vec<String> {
    let names = entries.iter().filter_map(|(key, _)| match key {
        Value::Text(name) => Some(quoted(name)),
        _ => None,
    });
    names.take(QUOTED_KEYS).collect()
}
