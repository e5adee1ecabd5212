use std::path::{Path, PathBuf};

use ureq::Agent;

use super::checksum::md5;
use super::partial::Partial;
use super::source::{Archive, Source};
use super::transfer::{Failure, transfer};
use crate::{Error, MirrorFailure, Progress};

/// How often a cut connection to one mirror is resumed, each time with something received.
const RESUMES: usize = 100;

/// Brings an archive into `root`, verified; one that is there already is verified only.
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
    let mut failures = Vec::new();
    for mirror in &source.mirrors {
        let url = format!("{}/{}", mirror.trim_end_matches('/'), archive.file_name());
        let download = Download {
            agent,
            url: &url,
            archive,
            limit: source.archive_bytes,
            progress,
        };
        match download.run(&mut partial) {
            Ok(()) => {
                partial.finish(&path)?;
                return Ok(path);
            }
            Err(Failure::Local(source)) => return Err(source.into()),
            Err(Failure::Remote(reason)) => {
                progress.message(&format!("cannot download from `{mirror}`: {reason}"));
                failures.push(MirrorFailure {
                    mirror: mirror.clone(),
                    reason,
                });
            }
        }
    }
    partial.remove_if_empty()?;
    Err(Error::Download {
        archive: archive.file_name(),
        root: root.to_owned(),
        failures,
    })
}

/// An archive that a person has put there is never replaced or removed by itself.
fn verify_present(path: &Path, archive: &Archive, progress: &dyn Progress) -> Result<(), Error> {
    let got = md5(&mut fs_err::File::open(path)?, progress)?;
    if got == archive.md5 {
        return Ok(());
    }
    Err(Error::Checksum {
        path: path.to_owned(),
        expected: archive.md5.clone(),
        got,
    })
}

/// One archive from one mirror.
struct Download<'a> {
    agent: &'a Agent,
    url: &'a str,
    archive: &'a Archive,
    limit: u64,
    progress: &'a dyn Progress,
}

impl Download<'_> {
    /// Fetches the archive and verifies it. If a file that was begun earlier or elsewhere turns
    /// out wrong, the whole of it is fetched anew, once.
    fn run(&self, partial: &mut Partial) -> Result<(), Failure> {
        let begun = partial.length() > 0;
        self.receive(partial)?;
        match self.verify(partial) {
            Err(Failure::Remote(_)) if begun => {
                self.receive(partial)?;
                self.verify(partial)
            }
            result => result,
        }
    }

    /// Receives the whole file; a connection that is cut is resumed as long as something arrives.
    fn receive(&self, partial: &mut Partial) -> Result<(), Failure> {
        let mut resumes = 0;
        loop {
            let before = partial.length();
            let result = transfer(self.agent, self.url, partial, self.limit, self.progress);
            match result {
                Err(Failure::Remote(_)) if partial.length() > before && resumes < RESUMES => {
                    resumes += 1;
                }
                result => return result,
            }
        }
    }

    /// A file with another MD5 is of no use to anybody, and is cleared.
    fn verify(&self, partial: &mut Partial) -> Result<(), Failure> {
        let got = partial.md5(self.progress)?;
        if got == self.archive.md5 {
            return Ok(());
        }
        partial.clear()?;
        Err(Failure::Remote(format!(
            "sends MD5 `{got}`, expected `{}`",
            self.archive.md5
        )))
    }
}
