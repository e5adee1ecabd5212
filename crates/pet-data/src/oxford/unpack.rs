//! Unpacking an archive that may be hostile.

use std::cell::Cell;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use tar::{Entry, EntryType};

use super::transfer::Counted;
use crate::{Error, Progress, Unit, task};

/// Largest number of bytes between two entries or after the last: padding, and headers with long names.
const HEADER_BYTES: u64 = 1 << 20;

/// Limits for the content of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackLimits {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Files and folders together.
    pub entries: u64,
}

impl Default for UnpackLimits {
    /// 4 GiB and 100,000 entries; the official archives hold under 1 GB and 40,000.
    fn default() -> Self {
        Self { bytes: 4 << 30, entries: 100_000 }
    }
}

/// Unpacks the folder of `archive` to `root`, atomically.
///
/// Only regular files and folders are accepted, and only if their names cannot leave the folder; any other
/// entry, and any beyond `limits`, is an error. Files whose name begins with `._` (macOS resource forks,
/// which the official archives have) are skipped.
pub(super) fn unpack(
    archive: &Path,
    folder: &str,
    root: &Path,
    limits: &UnpackLimits,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let temporary = tempfile::Builder::new().prefix(".unpack-").tempdir_in(root)?;
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    let length = fs_err::metadata(archive)?.len();
    let file = Counted { reader: fs_err::File::open(archive)?, progress };
    let unpacker = Unpacker { archive, target: temporary.path(), limits, left: *limits };
    task(progress, &format!("unpack {name}"), length, Unit::Bytes, || unpacker.run(file))?;

    let whole = temporary.path().join(folder);
    if !whole.is_dir() {
        return Err(Error::ArchiveFolder { path: archive.to_owned(), folder: folder.to_owned() });
    }
    fs_err::rename(whole, root.join(folder))?;
    Ok(())
}

/// The unpacking of one archive.
struct Unpacker<'a> {
    archive: &'a Path,
    target: &'a Path,
    limits: &'a UnpackLimits,
    /// What remains of the limits.
    left: UnpackLimits,
}

impl Unpacker<'_> {
    /// Unpacks to the end of the compressed stream, so that its checksum is verified as well.
    fn run(mut self, file: impl Read) -> Result<(), Error> {
        let allowance = Rc::new(Cell::new(HEADER_BYTES));
        let reader = Allowed { reader: MultiGzDecoder::new(file), left: Rc::clone(&allowance) };
        let mut archive = tar::Archive::new(reader);
        for entry in archive.entries().map_err(|source| self.broken(source))? {
            let mut entry = entry.map_err(|source| self.broken(source))?;
            let path = self.admit(&entry).map_err(|problem| self.refused(&entry, problem))?;
            allowance.set(entry.size());
            write_entry(&mut entry, &path).map_err(|source| self.broken(source))?;
            allowance.set(HEADER_BYTES);
        }
        let mut rest = archive.into_inner();
        std::io::copy(&mut rest, &mut std::io::sink()).map_err(|source| self.broken(source))?;
        Ok(())
    }

    /// The path for an entry, or what is wrong with it.
    fn admit(&mut self, entry: &Entry<impl Read>) -> Result<PathBuf, String> {
        let UnpackLimits { bytes, entries } = *self.limits;
        let bytes_left = self.left.bytes.checked_sub(entry.size());
        let entries_left = self.left.entries.checked_sub(1);
        self.left = UnpackLimits {
            bytes: bytes_left.ok_or_else(|| format!("exceeds {bytes} bytes in all"))?,
            entries: entries_left.ok_or_else(|| format!("exceeds {entries} entries"))?,
        };
        Ok(self.target.join(safe_path(entry)?))
    }

    fn refused(&self, entry: &Entry<impl Read>, problem: String) -> Error {
        let entry = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        Error::ArchiveEntry { path: self.archive.to_owned(), entry, problem }
    }

    fn broken(&self, source: std::io::Error) -> Error {
        Error::Unpack { path: self.archive.to_owned(), source }
    }
}

/// The relative path of a file or folder, if it cannot leave the target.
fn safe_path(entry: &Entry<impl Read>) -> Result<PathBuf, String> {
    let kind = entry.header().entry_type();
    if !matches!(kind, EntryType::Regular | EntryType::Directory | EntryType::XGlobalHeader) {
        return Err(format!("is neither a file nor a folder, but of type {kind:?}"));
    }
    let path = entry.path().map_err(|error| error.to_string())?;
    let mut safe = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => safe.push(part),
            Component::CurDir => {}
            _ => return Err("would be unpacked outside the target folder".to_owned()),
        }
    }
    Ok(safe)
}

/// Writes a file or folder. An existing file is an error.
fn write_entry(entry: &mut Entry<impl Read>, path: &Path) -> std::io::Result<()> {
    let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"._"));
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

/// Reads no more bytes than are currently allowed, so that neither an endless header nor an entry longer
/// than declared can fill memory or disk.
struct Allowed<R> {
    reader: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Allowed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.left.get();
        if left == 0 && !buffer.is_empty() {
            return Err(std::io::Error::other("there is too much data between two entries"));
        }
        let count = self.reader.by_ref().take(left).read(buffer)?;
        self.left.set(left - count as u64);
        Ok(count)
    }
}
