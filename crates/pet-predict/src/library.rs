//! Where the ONNX Runtime library is looked for, and whether a file can be it.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::ffi::OsStr;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::Error;

/// The first version that can be told to stay on the processor; `ort` takes 1.22 as well (its feature `api-22`).
const OLDEST: [u32; 2] = [1, 23];

/// The places in which to look for the library, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPaths {
    library: Option<PathBuf>,
    folders: Vec<PathBuf>,
    system: bool,
}

impl Default for SearchPaths {
    /// The folder of the running program, then the system's loader path.
    fn default() -> Self {
        let program = std::env::current_exe().ok();
        let folder = program
            .as_deref()
            .and_then(Path::parent)
            .map(Path::to_path_buf);
        Self {
            library: None,
            folders: folder.into_iter().collect(),
            system: true,
        }
    }
}

impl SearchPaths {
    /// No search path at all, to start from.
    pub fn empty() -> Self {
        Self {
            library: None,
            folders: Vec::new(),
            system: false,
        }
    }

    /// The one library to take, such as the value of `ORT_DYLIB_PATH`; then no other place is
    /// looked at. `None` and the empty path change nothing.
    #[must_use]
    pub fn with_library(mut self, path: Option<PathBuf>) -> Self {
        self.library = path
            .filter(|path| !path.as_os_str().is_empty())
            .or(self.library);
        self
    }

    /// The system's loader path as well, after all folders.
    #[must_use]
    pub fn with_system(mut self) -> Self {
        self.system = true;
        self
    }

    /// One more folder, looked at after the others and before the system's loader path. The library
    /// lies in it or, as in the project's cache, in a folder named after its version; of several
    /// versions the newest is taken. A folder whose library is too old is passed over if a later one has another.
    #[must_use]
    pub fn with_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folders.push(folder.into());
        self
    }

    /// The first library that is found, without loading it. One that is left to the system's loader is its bare name.
    ///
    /// # Errors
    /// [`Error::LibraryNotFound`] with the places.
    pub fn find(&self) -> Result<PathBuf, Error> {
        if let Some(path) = &self.library {
            return Ok(path.clone());
        }
        let found = self.folders.iter().filter_map(|folder| newest_in(folder));
        let mut found: Vec<PathBuf> = found.collect();
        if let Some(first) = found.iter().position(|path| !is_too_old(path)) {
            return Ok(found.swap_remove(first));
        }
        // That it is too old says more than that there is none.
        if let Some(found) = found.into_iter().next() {
            return Ok(found);
        }
        if self.system {
            Ok(PathBuf::from(file_name()))
        } else {
            Err(self.not_found())
        }
    }

    /// That no place has the library.
    pub(crate) fn not_found(&self) -> Error {
        let folders = self
            .folders
            .iter()
            .map(|folder| format!("`{}`", folder.display()));
        let system = self.system.then(|| "the system's loader path".to_owned());
        Error::LibraryNotFound {
            searched: folders.chain(system).collect(),
        }
    }
}

/// The bare name of the library on this system, such as `libonnxruntime.so`.
pub(crate) fn file_name() -> String {
    format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}")
}

/// Refuses what the system's loader would stumble over: a missing file, one that is no library at
/// all, and one that was cut short (which the loader maps, and then dies of).
pub(crate) fn check(path: &Path) -> Result<(), Error> {
    let refuse = |reason: String| Error::NotALibrary {
        path: path.to_owned(),
        reason,
    };
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Error::LibraryNotFound {
            searched: vec![format!("`{}`", path.display())],
        },
        kind => refuse(kind.to_string()),
    };
    let mut file = fs::File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(refuse("it is not a file".into()));
    }
    if cfg!(target_os = "linux") {
        let mut header = [0; 64];
        file.read_exact(&mut header)
            .map_err(|_| refuse("it is too short for one".into()))?;
        let length = elf_length(&header).ok_or_else(|| refuse("it is not an ELF file".into()))?;
        if metadata.len() < length {
            let got = metadata.len();
            return Err(refuse(format!(
                "it was cut short, {got} of at least {length} bytes"
            )));
        }
    }
    Ok(())
}

/// The length that a 64-bit ELF file has at least: the end of its section headers, which stand
/// last. `None` for another file. Offsets are those of the ELF header, `elf(5)`.
fn elf_length(header: &[u8; 64]) -> Option<u64> {
    if !header.starts_with(b"\x7fELF") {
        return None;
    }
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0, |sum, &byte| sum << 8 | u64::from(byte))
    };
    let sections = number(&header[58..60]) * number(&header[60..62]);
    Some(number(&header[40..48]).saturating_add(sections).max(64))
}

/// The newest library in a folder or in its folders named after versions.
fn newest_in(folder: &Path) -> Option<PathBuf> {
    let inner = entries(folder).filter(|path| version_of(path).is_some() && path.is_dir());
    let folders = std::iter::once(folder.to_owned()).chain(inner);
    let files = folders.flat_map(|folder| entries(&folder).collect::<Vec<_>>());
    let libraries = files.filter(|path| path.file_name().is_some_and(is_library));
    // The name decides between links to the same library, so that the choice is always the same.
    libraries.max_by_key(|path| {
        let folder = path.parent().and_then(version_of);
        (folder.or_else(|| version_of(path)), path.clone())
    })
}

/// Whether a library's version, where its name or folder tells one, lacks what this crate asks for.
fn is_too_old(path: &Path) -> bool {
    let folder = path.parent().and_then(version_of);
    match version_of(path).or(folder).as_deref() {
        Some([major, minor, ..]) => [*major, *minor] < OLDEST,
        _ => false,
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}

/// `libonnxruntime.so`, `libonnxruntime.so.1.32.0`, `libonnxruntime.1.32.0.dylib`, but not
/// `libonnxruntime_providers_shared.so`.
fn is_library(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let rest = name
        .strip_prefix(DLL_PREFIX)
        .and_then(|rest| rest.strip_prefix("onnxruntime."));
    rest.is_some_and(|rest| format!(".{rest}.").contains(&format!("{DLL_SUFFIX}.")))
}

/// The numbers at the end of a name, such as 1, 32, 0 of `libonnxruntime.so.1.32.0` or of the
/// folder `1.32.0`.
fn version_of(path: &Path) -> Option<Vec<u32>> {
    let name = path.file_name()?.to_str()?;
    let start = name.find(|character: char| character.is_ascii_digit())?;
    let numbers = name[start..].trim_end_matches(DLL_SUFFIX).split('.');
    numbers.map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_libraries() {
        for name in [
            "libonnxruntime.so",
            "libonnxruntime.so.1",
            "libonnxruntime.so.1.32.0",
        ] {
            assert!(is_library(OsStr::new(name)), "{name}");
        }
        for name in [
            "libonnxruntime_providers_shared.so",
            "libonnxruntime.a",
            "onnxruntime.so",
        ] {
            assert!(!is_library(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn versions_are_numbers() {
        let version = |name: &str| version_of(Path::new(name));
        assert_eq!(version("1.32.0"), Some(vec![1, 32, 0]));
        assert_eq!(version("libonnxruntime.so.1.9.0"), Some(vec![1, 9, 0]));
        assert_eq!(version("libonnxruntime.so"), None);
        assert!(version("1.32.0") > version("1.9.2"));
    }

    #[test]
    fn the_newest_version_is_found() {
        let folder = tempfile::tempdir().unwrap();
        for version in ["1.9.2", "1.32.0", "1.4.1"] {
            let path = folder.path().join(version);
            fs::create_dir(&path).unwrap();
            fs::write(path.join(format!("libonnxruntime.so.{version}")), "").unwrap();
        }
        fs::write(
            folder
                .path()
                .join("1.32.0/libonnxruntime_providers_shared.so"),
            "",
        )
        .unwrap();
        let paths = SearchPaths::empty()
            .with_folder("/nowhere")
            .with_folder(folder.path());
        let expected = folder.path().join("1.32.0/libonnxruntime.so.1.32.0");
        assert_eq!(paths.find().unwrap(), expected);
        let chosen = paths
            .with_library(Some("/other.so".into()))
            .with_library(Some("".into()));
        assert_eq!(chosen.find().unwrap(), Path::new("/other.so"));
    }

    #[test]
    fn a_library_that_is_too_old_is_taken_only_where_there_is_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["1.17.0", "1.28.0"].map(|version| {
            let path = folder.path().join(format!("python-{version}"));
            fs::create_dir(&path).unwrap();
            let path = path.join(format!("libonnxruntime.so.{version}"));
            fs::write(&path, "").unwrap();
            path
        });
        let [old, new] = &paths;
        let places = SearchPaths::empty().with_folder(old.parent().unwrap());
        assert_eq!(places.find().unwrap(), *old);
        let places = places.with_folder(new.parent().unwrap()).with_system();
        assert_eq!(places.find().unwrap(), *new);
    }

    #[test]
    fn the_places_are_named() {
        let error = SearchPaths::empty()
            .with_folder("/a")
            .with_folder("/b")
            .find()
            .unwrap_err();
        let expected = "ONNX Runtime was not found; looked for it in `/a`, `/b`";
        assert_eq!(error.to_string(), expected);
        assert!(error.hint().unwrap().contains("search paths"));
    }

    #[test]
    fn the_length_of_an_elf_file_is_read_from_its_header() {
        let program = fs::read(std::env::current_exe().unwrap()).unwrap();
        let header: &[u8; 64] = program[..64].try_into().unwrap();
        let length = elf_length(header).unwrap();
        assert!(
            length > 64 && length <= program.len() as u64,
            "{length} of {}",
            program.len()
        );
        assert_eq!(elf_length(&[0; 64]), None);
    }
}
