//! The layout of PyTorch since 1.6: a zip archive with the pickle and one entry for each storage.

use std::io::{Cursor as Seekable, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::contents::{self, Contents};
use crate::cursor::Cursor;
use crate::error::quoted;
use crate::pickle::{self, Storage};
use crate::{Error, Limits};

const PICKLE_SUFFIX: &str = "/data.pkl";

/// Enough for `little` and `big`; a longer entry is truncated and then rejected.
const BYTE_ORDER_LENGTH: u64 = 16;

type Archive<'a> = ZipArchive<Seekable<&'a [u8]>>;

/// Whether the bytes begin as a zip archive does.
pub(crate) fn matches(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Contents, Error> {
    let opened = ZipArchive::new(Seekable::new(bytes));
    let mut archive = opened.map_err(|error| broken("the directory".to_owned(), error))?;
    let folder = folder(&archive)?;
    let pickled = read_pickle(&mut archive, &format!("{folder}{PICKLE_SUFFIX}"), limits)?;
    let mut cursor = Cursor::new(&pickled);
    let object = pickle::load(&mut cursor, limits)?;
    cursor.finish()?;
    let tensors = contents::tensors(&object, limits)?;
    let big_endian = is_big_endian(&mut archive, &folder)?;
    let mut storages = Vec::new();
    for storage in object.heap.storages() {
        let mut data = read_storage(&mut archive, &folder, storage)?;
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

fn read_pickle(archive: &mut Archive<'_>, name: &str, limits: &Limits) -> Result<Vec<u8>, Error> {
    let pickled = read_at_most(archive, name, limits.unpacked_bytes.saturating_add(1))?;
    limits.check_unpacked("pickle in bytes", pickled.len() as u64)?;
    Ok(pickled)
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

fn read_storage(
    archive: &mut Archive<'_>,
    folder: &str,
    storage: &Storage<'_>,
) -> Result<Vec<u8>, Error> {
    let expected = storage.byte_count();
    let name = format!("{folder}/data/{}", storage.key);
    let data = read_at_most(archive, &name, expected.saturating_add(1))?;
    if data.len() as u64 != expected {
        return Err(Error::StorageSize {
            key: quoted(storage.key),
            unit: "bytes",
            expected,
            got: data.len() as u64,
        });
    }
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
