//! The files of a model: reading them from a folder or the program, and writing them atomically, complete or not at all.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

use crate::Error;

/// What is shown instead of the folder of embedded files.
const BUILT_IN: &str = "built in";

/// An embedded file: its name and content.
pub type BuiltInFile = (&'static str, &'static [u8]);

/// The files of a model: a folder such as `results/`, or files embedded in the program.
///
/// ```
/// use pet_model::Results;
///
/// static FILES: [(&str, &[u8]); 1] = [("metrics.json", b"{}")];
/// let results = Results::BuiltIn(&FILES);
/// assert_eq!(&*results.read("metrics.json")?, b"{}");
/// assert!(!results.contains("model.onnx"));
/// assert_eq!(results.to_string(), "built in");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub enum Results {
    /// A folder.
    Folder(PathBuf),
    /// Files embedded in the program.
    BuiltIn(&'static [BuiltInFile]),
}

impl Results {
    /// The folder, if it is one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::BuiltIn(_) => None,
        }
    }

    /// The path of a file, for messages; an embedded file has none that can be opened.
    pub fn path(&self, name: &str) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.join(name),
            Self::BuiltIn(_) => Path::new(BUILT_IN).join(name),
        }
    }

    /// Whether there is a file of this name.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::Folder(folder) => folder.join(name).is_file(),
            Self::BuiltIn(files) => built_in(files, name).is_some(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// The operating system's error, with the path; [`io::ErrorKind::NotFound`] if there is no such embedded file.
    pub fn read(&self, name: &str) -> io::Result<Cow<'static, [u8]>> {
        match self {
            Self::Folder(folder) => fs::read(folder.join(name)).map(Cow::Owned),
            Self::BuiltIn(files) => built_in(files, name).map(Cow::Borrowed).ok_or_else(|| {
                io::Error::new(io::ErrorKind::NotFound, format!("`{name}` is not built in"))
            }),
        }
    }
}

/// The folder's path, or `built in`.
impl fmt::Display for Results {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(formatter),
            Self::BuiltIn(_) => BUILT_IN.fmt(formatter),
        }
    }
}

impl fmt::Debug for Results {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => formatter.debug_tuple("Folder").field(folder).finish(),
            // Names only, without megabytes of content.
            Self::BuiltIn(files) => {
                let names = files.iter().map(|(name, _)| name);
                formatter.write_str("BuiltIn")?;
                formatter.debug_list().entries(names).finish()
            }
        }
    }
}

impl<T: Into<PathBuf>> From<T> for Results {
    fn from(folder: T) -> Self {
        Self::Folder(folder.into())
    }
}

/// Reads a JSON file.
///
/// # Errors
///
/// [`Error::Io`] when it cannot be read, [`Error::Json`] when it is not what is expected.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = fs::read_to_string(path)?;
    serde_json::from_str(&text).map_err(|source| Error::Json { path: path.to_owned(), source })
}

/// Writes `value` atomically as indented JSON with a final newline.
///
/// # Errors
///
/// [`Error::Io`] when the file cannot be written, [`Error::Json`] when `value` has no JSON form.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    stage_json(path, value)?.publish()
}

/// Writes `value` as [`write_json`] does, without publishing the file.
///
/// # Errors
///
/// As [`write_json`].
pub fn stage_json(path: &Path, value: &impl Serialize) -> Result<Staged, Error> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|source| Error::Json { path: path.to_owned(), source })?;
    text.push('\n');
    Staged::new(path, text.as_bytes())
}

/// Writes a file atomically; creates the folder if needed.
///
/// # Errors
///
/// [`Error::Io`] when the folder cannot be written; an existing file is unchanged then.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    Staged::new(path, bytes)?.publish()
}

/// A file that is written to a temporary path in the same folder, and removed when dropped unless it is published.
#[derive(Debug)]
pub struct Staged {
    temporary: NamedTempFile,
    path: PathBuf,
}

impl Staged {
    /// Writes `bytes` to a temporary file beside `path`; creates the folder if needed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the folder cannot be written.
    pub fn new(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let mut temporary = temporary(path)?;
        let written = temporary.write_all(bytes);
        written
            .and_then(|()| temporary.as_file().sync_all())
            .map_err(|source| cannot_write(path, &source))?;
        Ok(Self { temporary, path: path.to_owned() })
    }

    /// Renames the file to its path.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when that fails; an existing file is unchanged then.
    pub fn publish(self) -> Result<(), Error> {
        let persisted = self.temporary.persist(&self.path);
        persisted.map_err(|error| cannot_write(&self.path, &error.error))?;
        Ok(())
    }
}

fn built_in(files: &'static [BuiltInFile], name: &str) -> Option<&'static [u8]> {
    let file = files.iter().find(|(known, _)| *known == name);
    file.map(|(_, bytes)| *bytes)
}

/// An empty file in the folder of `path`.
fn temporary(path: &Path) -> Result<NamedTempFile, Error> {
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let temporary = builder.prefix(&format!(".{name}.")).tempfile_in(folder);
    Ok(temporary.map_err(|source| {
        // Without the name of the temporary file, which tempfile adds.
        let text = source.to_string();
        let cause = text.split(" at path ").next().unwrap_or_default();
        io::Error::new(source.kind(), format!("cannot write to `{}`: {cause}", folder.display()))
    })?)
}

fn cannot_write(path: &Path, source: &io::Error) -> io::Error {
    io::Error::new(source.kind(), format!("cannot write `{}`: {source}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    static FILES: [BuiltInFile; 2] = [("a.json", b"[1]"), ("b", b"")];

    #[test]
    fn a_folder_and_files_inside_the_program_are_read_alike() {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in FILES {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        for results in [folder.path().into(), Results::BuiltIn(&FILES)] {
            for (name, bytes) in FILES {
                assert!(results.contains(name));
                assert_eq!(&*results.read(name).unwrap(), bytes);
            }
            assert!(!results.contains("c"));
            let error = results.read("c").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
            assert!(error.to_string().contains('c'), "{error}");
        }
    }

    #[test]
    fn what_is_built_in_is_shown_by_names() {
        let results = Results::BuiltIn(&FILES);
        assert_eq!(format!("{results:?}"), r#"BuiltIn["a.json", "b"]"#);
        assert_eq!(results.path("b"), Path::new("built in/b"));
        assert_eq!(results.folder(), None);
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/metrics.json");
        write_atomically(&path, b"first").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_staged_is_not_visible_until_it_is_published() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("selection.json");
        drop(stage_json(&path, &1).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let staged = stage_json(&path, &2).unwrap();
        assert!(!path.exists());
        staged.publish().unwrap();
        assert_eq!(read_json::<u8>(&path).unwrap(), 2);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_cannot_be_written_is_named_and_nothing_else() {
        let error = write_atomically(Path::new("/proc/out.json"), b"x").unwrap_err();
        let Error::Io(source) = error else { panic!("{error}") };
        let text = source.to_string();
        assert!(text.starts_with("cannot write to `/proc`: "), "{text}");
        assert!(!text.contains("out.json"), "{text}");
    }

    #[test]
    fn a_target_that_is_a_folder_is_an_error_that_names_it_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir_all(path.join("inner")).unwrap();
        let error = write_atomically(&path, b"x").unwrap_err();
        let Error::Io(source) = error else { panic!("{error}") };
        assert!(source.to_string().contains("taken"), "{source}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
