//! The files of a model, in a folder or embedded.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

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
            Self::BuiltIn(files) => match built_in(files, name) {
                Some(bytes) => Ok(Cow::Borrowed(bytes)),
                None => Err(io::Error::new(
                    io::ErrorKind::NotFound,
                    format!("`{name}` is not built in"),
                )),
            },
        }
    }
}

const BUILT_IN: &str = "built in";

fn built_in(files: &'static [BuiltInFile], name: &str) -> Option<&'static [u8]> {
    let file = files.iter().find(|(known, _)| *known == name);
    file.map(|(_, bytes)| *bytes)
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
}
