//! Receiving one file into a partial download.

use std::fs::TryLockError;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use md5::{Digest, Md5};
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use crate::{Error, Progress, Unit, task};

const BUFFER: usize = 1 << 16;

/// Why a transfer did not complete.
pub(super) enum Failure {
    /// The server or the network, in words; another attempt or mirror may help.
    Remote(String),
    /// This machine, such as a full disk.
    Local(std::io::Error),
}

impl From<std::io::Error> for Failure {
    fn from(source: std::io::Error) -> Self {
        Self::Local(source)
    }
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        Self::Remote(error.to_string())
    }
}

/// Receives the missing part of `url`, up to `limit` bytes in total.
pub(super) fn transfer(
    agent: &Agent,
    url: &str,
    partial: &mut Partial,
    limit: u64,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    let offset = partial.length;
    let mut request = agent.get(url);
    if offset > 0 {
        request = request.header(header::RANGE, format!("bytes={offset}-"));
    }
    let response = request.call()?;
    match response.status() {
        StatusCode::PARTIAL_CONTENT if starts_at(&response, offset) => {}
        StatusCode::OK => partial.clear()?,
        // Nothing is missing, or the file has changed, which the checksum detects.
        StatusCode::RANGE_NOT_SATISFIABLE if offset > 0 => return Ok(()),
        StatusCode::PARTIAL_CONTENT => {
            return Err(Failure::Remote(
                "responded with a different range than requested".to_owned(),
            ));
        }
        status => return Err(Failure::Remote(format!("answered {status}"))),
    }
    let body = response.into_body();
    let total = body.content_length().map_or(0, |length| partial.length.saturating_add(length));
    if total > limit {
        return Err(Failure::Remote(too_large(limit)));
    }
    let name = url.rsplit('/').next().unwrap_or(url);
    task(progress, &format!("download {name}"), total, Unit::Bytes, || {
        progress.advance(partial.length);
        receive(body, partial, limit, progress)
    })
}

/// Whether the server sends the requested part.
fn starts_at(response: &Response<Body>, offset: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {offset}-")))
}

fn receive(
    body: Body,
    partial: &mut Partial,
    limit: u64,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    let mut reader = body.into_reader();
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = reader.read(&mut buffer).map_err(|error| Failure::Remote(error.to_string()))?;
        if count == 0 {
            return Ok(());
        }
        if partial.length + count as u64 > limit {
            partial.clear()?;
            return Err(Failure::Remote(too_large(limit)));
        }
        partial.append(buffer.get(..count).unwrap_or_default())?;
        progress.advance(count as u64);
    }
}

fn too_large(limit: u64) -> String {
    format!("sends more than {limit} bytes")
}

/// A partial download at `PATH.partial`, locked against other processes.
pub(super) struct Partial {
    path: PathBuf,
    pub(super) file: fs_err::File,
    /// Number of bytes so far.
    pub(super) length: u64,
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

    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
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

/// MD5 of a file in lower-case hexadecimal digits, as the authors of the data set publish it. Leaves the
/// file positioned at its end.
pub(super) fn md5(file: &mut fs_err::File, progress: &dyn Progress) -> std::io::Result<String> {
    file.rewind()?;
    let length = file.metadata()?.len();
    let name = file.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    task(progress, &format!("verify {name}"), length, Unit::Bytes, || {
        let mut hash = Md5::new();
        let reader = file;
        std::io::copy(&mut Counted { reader, progress }, &mut hash)?;
        Ok(format!("{:x}", hash.finalize()))
    })
}

/// Reports the bytes that are read.
pub(super) struct Counted<'a, R> {
    pub(super) reader: R,
    pub(super) progress: &'a dyn Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.progress.advance(count as u64);
        Ok(count)
    }
}
