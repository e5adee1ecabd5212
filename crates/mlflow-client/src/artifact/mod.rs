//! Artifacts: the files of a run or model.

pub(crate) mod folder;
pub(crate) mod location;

use crate::error::Result;
use crate::limits::invalid;
use location::{check_new_path, check_path};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Number of files that are uploaded at the same time.
const UPLOADS: usize = 4;

/// Maximum depth of nested folders; ends loops of links, and bounds the recursion.
const MAX_DEPTH: usize = 64;

/// One entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArtifactFile {
    /// Path from the root of the artifacts, with `/` between parts.
    pub path: String,
    /// Size in bytes; none for a folder.
    pub size: Option<u64>,
    /// Whether it is a folder.
    pub is_folder: bool,
}

/// The content of an upload; can be read again when a request is retried.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content<'a> {
    /// A file, read piece by piece.
    File(&'a Path),
    /// Bytes in memory.
    Bytes(&'a [u8]),
}

impl<'a> Content<'a> {
    /// A reader from the beginning, and the length in bytes.
    pub(crate) fn open(&self) -> Result<(Box<dyn Read + 'a>, u64)> {
        match *self {
            Self::Bytes(bytes) => Ok((Box::new(bytes), bytes.len() as u64)),
            Self::File(path) => {
                let file = fs_err::File::open(path)?;
                let length = file.metadata()?.len();
                Ok((Box::new(file), length))
            }
        }
    }
}

/// Where artifacts are stored. Paths have been checked: relative, with `/`, without `..`.
pub(crate) trait ArtifactRepository: Send + Sync {
    /// Writes one file, replacing an older one.
    fn upload(&self, path: &str, content: Content<'_>) -> Result<()>;

    /// The direct entries of a folder (`""` is the root); none where it does not exist.
    fn list(&self, folder: &str) -> Result<Vec<ArtifactFile>>;

    /// Opens a file for reading, or fails with [`NotFound`](crate::Error::NotFound).
    fn open(&self, path: &str) -> Result<Box<dyn Read>>;

    /// Removes temporary files of uploads whose process was killed; only local folders have any.
    #[cfg(feature = "spool")]
    fn remove_unfinished(&self) -> Result<()> {
        Ok(())
    }
}

/// The files below one artifact URI.
///
/// Paths are relative to it, with `/` between parts; one that would leave it is refused.
pub struct Artifacts {
    repository: Box<dyn ArtifactRepository>,
}

impl Artifacts {
    pub(crate) fn new(repository: Box<dyn ArtifactRepository>) -> Self {
        Self { repository }
    }

    /// Removes temporary files of uploads whose process was killed. No upload may be in progress.
    #[cfg(feature = "spool")]
    pub(crate) fn remove_unfinished(&self) -> Result<()> {
        self.repository.remove_unfinished()
    }

    /// Uploads a file as `path`, piece by piece.
    ///
    /// # Errors
    /// When the path is not accepted, the file cannot be read, or the store fails.
    pub fn upload_file(&self, file: &Path, path: &str) -> Result<()> {
        check_new_path(path)?;
        self.repository.upload(path, Content::File(file))
    }

    /// Uploads bytes as `path`.
    ///
    /// # Errors
    /// When the path is not accepted, or the store fails.
    pub fn upload_bytes(&self, bytes: &[u8], path: &str) -> Result<()> {
        check_new_path(path)?;
        self.repository.upload(path, Content::Bytes(bytes))
    }

    /// Uploads what is in a folder, with its subfolders, below `path` (`""` is the root), several
    /// files at a time.
    ///
    /// # Errors
    /// When a path is not accepted, a file cannot be read, or the store fails; the rest is then
    /// left out.
    pub fn upload_folder(&self, folder: &Path, path: &str) -> Result<()> {
        check_folder(path)?;
        let files = Mutex::new(files_below(folder, path)?);
        let next = || files.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let work = || -> Result<()> {
            while let Some((file, path)) = next() {
                self.upload_file(&file, &path).inspect_err(|_| {
                    // The other workers find nothing more to do.
                    while next().is_some() {}
                })?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..UPLOADS).map(|_| scope.spawn(work)).collect();
            let results = workers.into_iter().map(|worker| {
                worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            // Joins all workers before looking at the first error.
            results.collect::<Vec<_>>().into_iter().collect()
        })
    }

    /// The direct entries of a folder (`""` is the root), by name; none where it does not exist.
    ///
    /// # Errors
    /// When the path is not accepted, or the store fails.
    pub fn list(&self, folder: &str) -> Result<Vec<ArtifactFile>> {
        check_folder(folder)?;
        let mut files = self.repository.list(folder)?;
        for file in &files {
            check_entry(folder, &file.path)?;
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// When the path is not accepted, there is no such file, or the store fails.
    pub fn open(&self, path: &str) -> Result<Box<dyn Read>> {
        check_path(path)?;
        self.repository.open(path)
    }

    /// Downloads one file to `target`, which appears only when complete.
    ///
    /// # Errors
    /// When the path is not accepted, there is no such file, or reading or writing fails.
    pub fn download_file(&self, path: &str, target: &Path) -> Result<()> {
        folder::write_atomically(target, &mut self.open(path)?)
    }

    /// Downloads a folder (`""` is the root) with its subfolders into `target`, which is created where
    /// there is none. Nothing is written outside of it, whatever the store's listing says. Returns
    /// the number of files.
    ///
    /// # Errors
    /// When the path is not accepted, the listing names a path elsewhere, or reading or writing
    /// fails.
    pub fn download_folder(&self, folder: &str, target: &Path) -> Result<usize> {
        fs_err::create_dir_all(target)?;
        self.download_level(folder, target, 0)
    }

    fn download_level(&self, folder: &str, target: &Path, depth: usize) -> Result<usize> {
        check_depth(folder, depth)?;
        let mut count = 0;
        for file in self.list(folder)? {
            // `list` has made sure that this is one plain name.
            let name = file.path.rsplit('/').next().unwrap_or_default();
            let inner = target.join(name);
            if file.is_folder {
                fs_err::create_dir_all(&inner)?;
                count += self.download_level(&file.path, &inner, depth + 1)?;
            } else {
                self.download_file(&file.path, &inner)?;
                count += 1;
            }
        }
        Ok(count)
    }
}

/// `folder` and `name` with a `/` between where needed.
pub(crate) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Every file below a folder of this machine, with its path as an artifact below `path`.
pub(crate) fn files_below(folder: &Path, path: &str) -> Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    walk(folder, path, 0, &mut files)?;
    Ok(files)
}

fn walk(folder: &Path, path: &str, depth: usize, files: &mut Vec<(PathBuf, String)>) -> Result<()> {
    check_depth(path, depth)?;
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let inner = join(path, &entry.file_name().to_string_lossy());
        // Follows links, so that a linked file is uploaded like any other.
        if fs_err::metadata(entry.path())?.is_dir() {
            walk(&entry.path(), &inner, depth + 1, files)?;
        } else {
            files.push((entry.path(), inner));
        }
    }
    Ok(())
}

fn check_folder(folder: &str) -> Result<()> {
    if folder.is_empty() {
        return Ok(());
    }
    check_path(folder)
}

/// A listing may only name what is directly in the folder.
fn check_entry(folder: &str, path: &str) -> Result<()> {
    check_path(path)?;
    let name = match folder {
        "" => Some(path),
        _ => path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')),
    };
    if name.is_some_and(|name| !name.is_empty() && !name.contains('/')) {
        return Ok(());
    }
    let expected = format!("an entry of the folder `{folder}`");
    Err(invalid("artifact path", path, expected))
}

fn check_depth(folder: &str, depth: usize) -> Result<()> {
    if depth <= MAX_DEPTH {
        return Ok(());
    }
    let expected = format!("at most {MAX_DEPTH} folders inside each other");
    Err(invalid("artifact path", folder, expected))
}

#[cfg(test)]
mod tests;
