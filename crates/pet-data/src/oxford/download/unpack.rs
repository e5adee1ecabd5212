use std::cell::Cell;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use tar::{Entry, EntryType};

use super::source::UnpackLimits;
use crate::Error;
use crate::progress::{self, Progress, Unit};

/// The most bytes that may stand between two entries: padding, and headers with long names.
const HEADER_BYTES: u64 = 1 << 20;

/// Unpacks the folder that `archive` holds to `root`, where it appears whole or not at all.
///
/// Only plain files and folders are taken, and only if their names cannot leave the folder; the
/// first entry of another kind, and the first beyond `limits`, is an error. Files whose name
/// begins with `._` (resource forks of the system that the official archives were made on) are
/// left out.
pub(super) fn unpack(
    archive: &Path,
    folder: &str,
    root: &Path,
    limits: &UnpackLimits,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let temporary = tempfile::Builder::new()
        .prefix(".unpack-")
        .tempdir_in(root)
        .map_err(|source| Error::Unpack {
            path: archive.to_owned(),
            source,
        })?;
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    let length = fs_err::metadata(archive)?.len();
    progress::task(
        progress,
        &format!("unpack {name}"),
        length,
        Unit::Bytes,
        || unpack_entries(archive, temporary.path(), limits, progress),
    )?;

    let unpacked = temporary.path().join(folder);
    if !unpacked.is_dir() {
        return Err(Error::ArchiveFolder {
            path: archive.to_owned(),
            folder: folder.to_owned(),
        });
    }
    fs_err::rename(unpacked, root.join(folder))?;
    Ok(())
}

fn unpack_entries(
    archive: &Path,
    target: &Path,
    limits: &UnpackLimits,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let broken = |source| Error::Unpack {
        path: archive.to_owned(),
        source,
    };
    let refused = |entry: &str, problem: String| Error::ArchiveEntry {
        path: archive.to_owned(),
        entry: entry.to_owned(),
        problem,
    };
    let allowance = Rc::new(Cell::new(HEADER_BYTES));
    let file = Counted {
        reader: fs_err::File::open(archive)?,
        progress,
    };
    let reader = Allowed {
        reader: MultiGzDecoder::new(file),
        left: Rc::clone(&allowance),
    };
    let mut bytes_left = limits.bytes;
    let mut entries_left = limits.entries;

    for entry in tar::Archive::new(reader).entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        bytes_left = bytes_left
            .checked_sub(entry.size())
            .ok_or_else(|| refused(&name, format!("goes beyond {} bytes in all", limits.bytes)))?;
        entries_left = entries_left
            .checked_sub(1)
            .ok_or_else(|| refused(&name, format!("goes beyond {} entries", limits.entries)))?;
        let path = safe_path(&entry).map_err(|problem| refused(&name, problem))?;

        allowance.set(entry.size());
        write_entry(&mut entry, &target.join(path)).map_err(broken)?;
        allowance.set(HEADER_BYTES);
    }
    Ok(())
}

/// The entry's path, if it is a file or folder that stays below where it is put.
fn safe_path(entry: &Entry<impl Read>) -> Result<PathBuf, String> {
    let kind = entry.header().entry_type();
    if !matches!(
        kind,
        EntryType::Regular | EntryType::Directory | EntryType::XGlobalHeader
    ) {
        return Err(format!(
            "is neither a file nor a folder, but of type {kind:?}"
        ));
    }
    let path = entry.path().map_err(|error| error.to_string())?;
    let mut safe = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => safe.push(part),
            Component::CurDir => {}
            _ => return Err("leaves the folder that it is unpacked to".to_owned()),
        }
    }
    Ok(safe)
}

/// Writes a file or folder. A file that is there already is an error, not overwritten.
fn write_entry(entry: &mut Entry<impl Read>, path: &Path) -> std::io::Result<()> {
    let hidden = path
        .file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"._"));
    match entry.header().entry_type() {
        EntryType::Directory => fs_err::create_dir_all(path),
        EntryType::Regular if !hidden => {
            if let Some(folder) = path.parent() {
                fs_err::create_dir_all(folder)?;
            }
            let mut file = fs_err::File::create_new(path)?;
            std::io::copy(entry, &mut file).map(|_| ())
        }
        _ => std::io::copy(entry, &mut std::io::sink()).map(|_| ()),
    }
}

/// Reports every byte that is read.
struct Counted<'a, R> {
    reader: R,
    progress: &'a dyn Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.progress.advance(count as u64);
        Ok(count)
    }
}

/// Reads no more bytes than are allowed at the moment, so that neither a header without end nor
/// an entry that is longer than it says can fill memory or disk.
struct Allowed<R> {
    reader: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Allowed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.left.get();
        if left == 0 && !buffer.is_empty() {
            return Err(std::io::Error::other("a header in the archive is too long"));
        }
        let count = self.reader.by_ref().take(left).read(buffer)?;
        self.left.set(left - count as u64);
        Ok(count)
    }
}
