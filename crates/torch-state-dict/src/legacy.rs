//! The layout of PyTorch before 1.6: a chain of pickles followed by the raw storages.
//!
//! In order, as in `_legacy_save` of `torch/serialization.py`: the magic number, the protocol
//! version, a description of the writing system, the object, the list of storage keys; then, for each
//! key, the number of elements as a 64-bit integer and the elements. All numbers are little-endian.

use crate::contents::{self, Contents};
use crate::cursor::Cursor;
use crate::error::quoted;
use crate::pickle::{self, Pickle, Storage, Value};
use crate::{Error, Limits};

/// The pickled magic number `0x1950a86a20f9469cfc6c` in protocol 2.
const MAGIC_PICKLE: [u8; 15] = *b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// The version of the layout that every PyTorch writes.
const PROTOCOL_VERSION: i64 = 1001;

/// Whether the bytes begin with the magic number, in whatever pickle protocol.
pub(crate) fn matches(bytes: &[u8]) -> bool {
    let magic_number = MAGIC_PICKLE.get(4..14).unwrap_or_default();
    let start = bytes.get(..32).unwrap_or(bytes);
    start.first() == Some(&0x80) && start.windows(10).any(|window| window == magic_number)
}

pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Contents, Error> {
    let mut cursor = Cursor::new(bytes);
    read_head(&mut cursor, limits)?;
    let object = pickle::load(&mut cursor, limits)?;
    let tensors = contents::tensors(&object, limits)?;
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
    if elements != storage.elements as u64 {
        return Err(Error::StorageSize {
            key: quoted(storage.key),
            unit: "elements",
            expected: storage.elements as u64,
            got: elements,
        });
    }
    Ok(cursor.take(storage.byte_count(), "a storage")?.to_vec())
}

fn unmatched(key: &str, problem: &'static str) -> Error {
    Error::StorageKey { key: quoted(key), problem }
}
