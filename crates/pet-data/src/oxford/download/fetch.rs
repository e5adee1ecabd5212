use std::path::{Path, PathBuf};

use ureq::Agent;

use super::checksum::md5;
use super::partial::Partial;
use super::source::{Archive, Source};
use super::transfer::{Failure, transfer};
use crate::{Error, MirrorFailure, Progress};

/// How often a broken connection to one mirror is resumed, as long as it makes progress.
const RESUMES: usize = 100;

/// Downloads an archive to `root` and verifies it; an existing one is only verified.
pub(super) fn fetch(
    agent: &Agent,
    source: &Source,
    archive: &Archive,
    root: &Path,
    progress: &dyn Progress,
) -> Result<PathBuf, Error> {
    let path = root.join(archive.file_name());
    if path.exists() {
        verify_present(&path, archive, progress)?;
        return Ok(path);
    }
    let mut partial = Partial::open(root.join(format!("{}.partial", archive.file_name())))?;
    let download = Download { agent, source, archive, root, progress };
    match download.try_mirrors(&mut partial) {
        Ok(()) => {
            partial.finish(&path)?;
            Ok(path)
        }
        Err(error) => {
            partial.remove_if_empty()?;
            Err(error)
        }
    }
}

/// An existing archive is never replaced or removed.
fn verify_present(path: &Path, archive: &Archive, progress: &dyn Progress) -> Result<(), Error> {
    let got = md5(&mut fs_err::File::open(path)?, progress)?;
    if got == archive.md5 {
        return Ok(());
    }
    Err(Error::Checksum { path: path.to_owned(), expected: archive.md5.clone(), got })
}

/// The download of one archive.
struct Download<'a> {
    agent: &'a Agent,
    source: &'a Source,
    archive: &'a Archive,
    root: &'a Path,
    progress: &'a dyn Progress,
}

impl Download<'_> {
    /// Tries the mirrors in order.
    fn try_mirrors(&self, partial: &mut Partial) -> Result<(), Error> {
        let mut failures = Vec::new();
        for mirror in &self.source.mirrors {
            match self.try_mirror(mirror, partial) {
                Ok(()) => return Ok(()),
                Err(Failure::Local(source)) => return Err(source.into()),
                Err(Failure::Remote(reason)) => {
                    self.progress.message(&format!("cannot download from `{mirror}`: {reason}"));
                    failures.push(MirrorFailure { mirror: mirror.clone(), reason });
                }
            }
        }
        let (archive, root) = (self.archive.file_name(), self.root.to_owned());
        Err(Error::Download { archive, root, failures })
    }

    /// Downloads the archive and verifies it. If a resumed download turns out wrong, it is downloaded
    /// again from the start, once.
    fn try_mirror(&self, mirror: &str, partial: &mut Partial) -> Result<(), Failure> {
        let url = format!("{}/{}", mirror.trim_end_matches('/'), self.archive.file_name());
        let begun = partial.length() > 0;
        self.receive(&url, partial)?;
        match self.verify(partial) {
            Err(Failure::Remote(_)) if begun => {
                self.receive(&url, partial)?;
                self.verify(partial)
            }
            result => result,
        }
    }

    /// Receives the whole file; a broken connection is resumed as long as it makes progress.
    fn receive(&self, url: &str, partial: &mut Partial) -> Result<(), Failure> {
        let limit = self.source.archive_bytes;
        let mut resumes = 0;
        loop {
            let before = partial.length();
            match transfer(self.agent, url, partial, limit, self.progress) {
                Err(Failure::Remote(_)) if partial.length() > before && resumes < RESUMES => {
                    resumes += 1;
                }
                result => return result,
            }
        }
    }

    /// Verifies the MD5, and clears a wrong file.
    fn verify(&self, partial: &mut Partial) -> Result<(), Failure> {
        let got = partial.md5(self.progress)?;
        if got == self.archive.md5 {
            return Ok(());
        }
        partial.clear()?;
        Err(Failure::Remote(format!("sends MD5 `{got}`, expected `{}`", self.archive.md5)))
    }
}
