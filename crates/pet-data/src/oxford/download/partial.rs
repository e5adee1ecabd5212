use std::fs::TryLockError;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::checksum;
use crate::{Error, Progress};

/// A partial download at `PATH.partial`, locked against other processes.
pub(super) struct Partial {
    path: PathBuf,
    file: fs_err::File,
    length: u64,
}

impl Partial {
    /// Opens an earlier partial download, or starts a new one.
    pub(super) fn open(path: PathBuf) -> Result<Self, Error> {
        let mut options = fs_err::OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(&path)?;
        // Tolerates file systems without locks: the checksum detects a mixed-up file.
        if let Err(TryLockError::WouldBlock) = file.file().try_lock() {
            return Err(Error::Busy { path });
        }
        let length = file.seek(SeekFrom::End(0))?;
        Ok(Self { path, file, length })
    }

    /// Number of bytes so far.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// MD5 of the bytes so far.
    pub(super) fn md5(&mut self, progress: &dyn Progress) -> std::io::Result<String> {
        checksum::md5(&mut self.file, progress)
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Starts again from the beginning.
    pub(super) fn clear(&mut self) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.length = 0;
        Ok(())
    }

    /// Renames the complete file.
    pub(super) fn finish(self, path: &Path) -> std::io::Result<()> {
        self.file.sync_all()?;
        fs_err::rename(&self.path, path)
    }

    /// Removes the file if it is empty.
    pub(super) fn remove_if_empty(self) -> std::io::Result<()> {
        if self.length == 0 { fs_err::remove_file(&self.path) } else { Ok(()) }
    }
}
