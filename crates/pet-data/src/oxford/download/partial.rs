use std::fs::TryLockError;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::checksum;
use crate::{Error, Progress};

/// What has been received of a file so far, at `PATH.partial`, locked against other processes.
pub(super) struct Partial {
    path: PathBuf,
    file: fs_err::File,
    length: u64,
}

impl Partial {
    /// Opens what an earlier run has left, or begins with nothing.
    pub(super) fn open(path: PathBuf) -> Result<Self, Error> {
        let mut options = fs_err::OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        // A file system without locks is no reason to refuse: the checksum tells a mixed-up file.
        if let Err(TryLockError::WouldBlock) = file.file().try_lock() {
            return Err(Error::Busy { path });
        }
        let length = file.seek(SeekFrom::End(0))?;
        Ok(Self { path, file, length })
    }

    /// How many bytes are there.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// MD5 of what is there.
    pub(super) fn md5(&mut self, progress: &dyn Progress) -> std::io::Result<String> {
        checksum::md5(&mut self.file, progress)
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Begins again with nothing.
    pub(super) fn clear(&mut self) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.length = 0;
        Ok(())
    }

    /// Gives the whole file its name.
    pub(super) fn finish(self, path: &Path) -> std::io::Result<()> {
        self.file.sync_all()?;
        fs_err::rename(&self.path, path)
    }

    /// Removes the file if it holds nothing worth resuming.
    pub(super) fn remove_if_empty(self) -> std::io::Result<()> {
        if self.length == 0 {
            fs_err::remove_file(&self.path)
        } else {
            Ok(())
        }
    }
}
