//! Artifacts: the files of a run or model.

use crate::error::{Error, Result};
use crate::limits::{check_new_path, check_path, invalid};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Number of files that are uploaded at the same time.
const UPLOADS: usize = 4;

/// Maximum depth of nested folders; ends loops of links, and bounds recursion.
const MAX_DEPTH: usize = 64;

/// Prefix of temporary files.
const UNFINISHED: &str = ".writing-";

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
    pub(crate) repository: Box<dyn ArtifactRepository>,
}

impl Artifacts {
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

    /// All files of a folder (`""` is the root) and its subfolders.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn list_all(&self, folder: &str) -> Result<Vec<ArtifactFile>> {
        let mut files = Vec::new();
        self.walk(folder, 0, &mut |file| {
            files.extend(Some(file).filter(|file| !file.is_folder));
            Ok(())
        })?;
        Ok(files)
    }

    /// Visits everything below a folder, each folder before what is in it.
    fn walk(
        &self,
        folder: &str,
        depth: usize,
        visit: &mut dyn FnMut(ArtifactFile) -> Result<()>,
    ) -> Result<()> {
        check_depth(folder, depth)?;
        for file in self.list(folder)? {
            let inner = file.is_folder.then(|| file.path.clone());
            visit(file)?;
            if let Some(inner) = inner {
                self.walk(&inner, depth + 1, visit)?;
            }
        }
        Ok(())
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
        write_atomically(target, &mut self.open(path)?)
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
        let mut count = 0;
        self.walk(folder, 0, &mut |file| {
            // `list` has made sure that every level below the folder is one plain name.
            let inner = file.path.strip_prefix(folder).unwrap_or(&file.path);
            let inner = target.join(inner.trim_start_matches('/'));
            if file.is_folder {
                return Ok(fs_err::create_dir_all(&inner)?);
            }
            count += 1;
            self.download_file(&file.path, &inner)
        })?;
        Ok(count)
    }
}

/// Artifacts in a folder of this machine.
pub(crate) struct FolderArtifacts {
    pub(crate) root: PathBuf,
}

impl ArtifactRepository for FolderArtifacts {
    fn upload(&self, path: &str, content: Content<'_>) -> Result<()> {
        let (mut reader, _) = content.open()?;
        let target = self.root.join(path);
        if let Some(folder) = target.parent() {
            fs_err::create_dir_all(folder)?;
        }
        write_atomically(&target, &mut reader)
    }

    fn list(&self, folder: &str) -> Result<Vec<ArtifactFile>> {
        let path = self.root.join(folder);
        if !path.is_dir() {
            return Ok(Vec::new());
        }
        let mut files = Vec::new();
        for entry in fs_err::read_dir(path)? {
            let entry = entry?;
            if is_unfinished(&entry) {
                continue;
            }
            let metadata = fs_err::metadata(entry.path())?;
            files.push(ArtifactFile {
                path: join(folder, &entry.file_name().to_string_lossy()),
                size: metadata.is_file().then_some(metadata.len()),
                is_folder: metadata.is_dir(),
            });
        }
        Ok(files)
    }

    #[cfg(feature = "spool")]
    fn remove_unfinished(&self) -> Result<()> {
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop().filter(|folder| folder.is_dir()) {
            for entry in fs_err::read_dir(folder)? {
                let entry = entry?;
                // Links are not followed: their targets were not written here.
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else if is_unfinished(&entry) {
                    fs_err::remove_file(entry.path())?;
                }
            }
        }
        Ok(())
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read>> {
        match fs_err::File::open(self.root.join(path)) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::not_found("artifact", path))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// `folder` and `name` with a `/` between where needed.
pub(crate) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Every file below a folder of this machine, with its path as an artifact below `path`.
pub(crate) fn files_below(folder: &Path, path: &str) -> Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    let mut folders = vec![(folder.to_owned(), path.to_owned(), 0)];
    while let Some((folder, path, depth)) = folders.pop() {
        check_depth(&path, depth)?;
        for entry in fs_err::read_dir(folder)? {
            let entry = entry?;
            let inner = join(&path, &entry.file_name().to_string_lossy());
            // Follows links, so that a linked file is uploaded like any other.
            if fs_err::metadata(entry.path())?.is_dir() {
                folders.push((entry.path(), inner, depth + 1));
            } else {
                files.push((entry.path(), inner));
            }
        }
    }
    Ok(files)
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
    if path.rsplit_once('/').map_or("", |(parent, _)| parent) == folder {
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

fn is_unfinished(entry: &fs_err::DirEntry) -> bool {
    let name = entry.file_name();
    name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes())
}

/// The folder that contains a path; the current one for a plain name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Writes to a temporary file in the same folder and renames it, so that no partial file is ever visible.
pub(crate) fn write_atomically(target: &Path, reader: &mut dyn Read) -> Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    // A server that runs as another user must be able to read it; the umask still counts.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder_of(target))?;
    io::copy(reader, &mut file)?;
    file.persist(target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository whose listing claims whatever the test wants.
    struct Liar(Vec<ArtifactFile>);

    impl ArtifactRepository for Liar {
        fn upload(&self, _: &str, _: Content<'_>) -> Result<()> {
            Ok(())
        }
        fn list(&self, _: &str) -> Result<Vec<ArtifactFile>> {
            Ok(self.0.clone())
        }
        fn open(&self, _: &str) -> Result<Box<dyn Read>> {
            Ok(Box::new(&b"evil"[..]))
        }
    }

    fn file(path: &str) -> ArtifactFile {
        ArtifactFile { path: path.to_owned(), size: Some(4), is_folder: false }
    }

    #[test]
    fn nothing_leaves_the_target_folder() {
        let outer = tempfile::tempdir().unwrap();
        let target = outer.path().join("target");
        for path in ["../x", "/x", "a/../../x", "..", "", "a\\..\\x", "C:x\0", "sub/x"] {
            let artifacts = Artifacts { repository: Box::new(Liar(vec![file(path)])) };
            let error = artifacts.download_folder("", &target).unwrap_err();
            assert!(matches!(error, Error::Invalid { .. }), "{path}: {error}");
        }
        let names: Vec<_> = fs_err::read_dir(outer.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "only the target folder itself");
        assert_eq!(fs_err::read_dir(&target).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_contains_itself_ends() {
        struct Loop;
        impl ArtifactRepository for Loop {
            fn upload(&self, _: &str, _: Content<'_>) -> Result<()> {
                Ok(())
            }
            fn list(&self, folder: &str) -> Result<Vec<ArtifactFile>> {
                Ok(vec![ArtifactFile { path: join(folder, "a"), size: None, is_folder: true }])
            }
            fn open(&self, path: &str) -> Result<Box<dyn Read>> {
                Err(Error::not_found("artifact", path))
            }
        }
        let target = tempfile::tempdir().unwrap();
        let artifacts = Artifacts { repository: Box::new(Loop) };
        assert!(artifacts.download_folder("", target.path()).is_err());
    }

    #[test]
    fn a_folder_travels_there_and_back() {
        let place = tempfile::tempdir().unwrap();
        let from = place.path().join("from");
        fs_err::create_dir_all(from.join("plots/deep")).unwrap();
        fs_err::write(from.join("a ü%&.txt"), "one").unwrap();
        fs_err::write(from.join("plots/deep/b.bin"), [0, 255, 10]).unwrap();
        let store = FolderArtifacts { root: place.path().join("store") };
        let artifacts = Artifacts { repository: Box::new(store) };
        assert_eq!(artifacts.list("").unwrap(), []);

        artifacts.upload_folder(&from, "model").unwrap();
        let names: Vec<_> = artifacts.list("model").unwrap();
        assert_eq!(names[0].path, "model/a ü%&.txt");
        assert_eq!((names[0].size, names[0].is_folder), (Some(3), false));
        assert_eq!((names[1].path.as_str(), names[1].is_folder), ("model/plots", true));

        let back = place.path().join("back");
        assert_eq!(artifacts.download_folder("model", &back).unwrap(), 2);
        assert_eq!(fs_err::read(back.join("plots/deep/b.bin")).unwrap(), [0, 255, 10]);
        assert_eq!(fs_err::read(back.join("a ü%&.txt")).unwrap(), b"one");
        assert!(artifacts.open("none").err().unwrap().is_not_found());
    }
}
