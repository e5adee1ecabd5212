//! Downloading the archives of the data set.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::Agent;

use super::transfer::{Failure, Partial, md5, transfer};
use super::unpack::{UnpackLimits, unpack};
use crate::{Error, MirrorFailure, Progress};

/// How often a broken connection to one mirror is resumed, as long as it makes progress.
const RESUMES: usize = 100;

/// Where the data set is downloaded from, and with which limits; by default the official source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// URLs of folders with the archives, in the order in which they are tried.
    pub mirrors: Vec<String>,
    /// The archives of the data set.
    pub archives: Vec<Archive>,
    /// Largest size of one archive in bytes.
    pub archive_bytes: u64,
    /// Limits for the content of an archive.
    pub unpack: UnpackLimits,
    /// Timeout for connecting, and for the response to begin.
    pub answer_timeout: Duration,
    /// Timeout without receiving anything.
    pub stall_timeout: Duration,
}

/// An archive `FOLDER.tar.gz` of one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Name of the folder.
    pub folder: String,
    /// MD5 of the archive in lower-case hexadecimal digits.
    pub md5: String,
}

impl Archive {
    /// `FOLDER.tar.gz`.
    fn file_name(&self) -> String {
        format!("{}.tar.gz", self.folder)
    }

    fn new(folder: &str, md5: &str) -> Self {
        Self { folder: folder.to_owned(), md5: md5.to_owned() }
    }
}

impl Default for Source {
    /// The two archives of the Visual Geometry Group at Oxford, at their two addresses.
    fn default() -> Self {
        Self {
            mirrors: vec![
                "https://www.robots.ox.ac.uk/~vgg/data/pets/data/".to_owned(),
                "https://thor.robots.ox.ac.uk/pets/".to_owned(),
            ],
            archives: vec![
                Archive::new("annotations", "95a8c909bbe2e81eed6a22bccdf3f68f"),
                Archive::new("images", "5c4f3ee8e5d25df40f4fd59a7f44e54c"),
            ],
            archive_bytes: 2 << 30,
            unpack: UnpackLimits::default(),
            answer_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_mins(1),
        }
    }
}

/// Downloads the official data set to `root`, for [`load`](super::load).
///
/// Both archives are downloaded, verified by MD5, unpacked and removed; their folders appear only when
/// complete. Existing folders, archives and partial downloads (`NAME.partial`) are used. A proxy of the
/// environment (`HTTPS_PROXY`, `ALL_PROXY`, …) is used.
///
/// # Errors
///
/// [`Error::Download`] if no mirror has an archive with the right MD5; a wrong file is removed.
/// [`Error::Checksum`] if an existing archive has a wrong MD5; it is kept. [`Error::Unpack`],
/// [`Error::ArchiveEntry`] and [`Error::ArchiveFolder`] if it cannot be unpacked; nothing is kept.
/// [`Error::Busy`] if another process downloads to `root`; [`Error::Io`].
pub fn download(root: &Path, progress: &dyn Progress) -> Result<(), Error> {
    download_from(&Source::default(), root, progress)
}

/// Like [`download`], from other mirrors or with other archives and limits.
///
/// # Errors
///
/// As [`download`].
pub fn download_from(source: &Source, root: &Path, progress: &dyn Progress) -> Result<(), Error> {
    fs_err::create_dir_all(root)?;
    let agent = agent(source);
    for archive in &source.archives {
        if root.join(&archive.folder).is_dir() {
            continue;
        }
        let download = Download { agent: &agent, source, archive, root, progress };
        let path = download.fetch()?;
        unpack(&path, &archive.folder, root, &source.unpack, progress)?;
        fs_err::remove_file(&path)?;
    }
    Ok(())
}

fn agent(source: &Source) -> Agent {
    let config = Agent::config_builder()
        .timeout_connect(Some(source.answer_timeout))
        .timeout_recv_response(Some(source.answer_timeout))
        .timeout_per_read(Some(source.stall_timeout))
        .http_status_as_error(false)
        // The archive itself, not decompressed.
        .accept_encoding("identity");
    config.build().into()
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
    /// Downloads the archive to `root` and verifies it; an existing one is only verified, and never replaced or removed.
    fn fetch(&self) -> Result<PathBuf, Error> {
        let path = self.root.join(self.archive.file_name());
        if path.exists() {
            let got = md5(&mut fs_err::File::open(&path)?, self.progress)?;
            if got == self.archive.md5 {
                return Ok(path);
            }
            return Err(Error::Checksum { path, expected: self.archive.md5.clone(), got });
        }
        let name = format!("{}.partial", self.archive.file_name());
        let mut partial = Partial::open(self.root.join(name))?;
        match self.try_mirrors(&mut partial) {
            Ok(()) => partial.finish(&path)?,
            Err(error) => {
                partial.remove_if_empty()?;
                return Err(error);
            }
        }
        Ok(path)
    }

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
        let begun = partial.length > 0;
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
            let before = partial.length;
            match transfer(self.agent, url, partial, limit, self.progress) {
                Err(Failure::Remote(_)) if partial.length > before && resumes < RESUMES => {
                    resumes += 1;
                }
                result => return result,
            }
        }
    }

    /// Verifies the MD5, and clears a wrong file.
    fn verify(&self, partial: &mut Partial) -> Result<(), Failure> {
        let got = md5(&mut partial.file, self.progress)?;
        if got == self.archive.md5 {
            return Ok(());
        }
        partial.clear()?;
        Err(Failure::Remote(format!("sends MD5 `{got}`, expected `{}`", self.archive.md5)))
    }
}
