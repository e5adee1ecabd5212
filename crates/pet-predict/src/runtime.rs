//! The ONNX Runtime library: finding, checking and loading it.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::ffi::OsStr;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use fs_err as fs;
use ort::LoadDynamicError;
use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::Error;
use crate::error::Cause;

/// The first version that can be restricted to the CPU; `ort` accepts 1.22 as well (its feature `api-22`).
const OLDEST: [u32; 2] = [1, 23];

/// The library is global to a process.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

/// The loaded library; clones share it.
#[derive(Clone, Debug)]
pub struct Runtime {
    environment: Environment,
    library: PathBuf,
}

impl Runtime {
    /// Finds and loads the library. Only one can be loaded in a process: later calls return it,
    /// whatever the search paths.
    ///
    /// # Telemetry
    /// The official builds of ONNX Runtime from 1.29 on send telemetry to Microsoft
    /// (<https://github.com/microsoft/onnxruntime/pull/27379>). It is turned off here, but only after
    /// the library has sent its first report and created a database in the user's cache folder. To
    /// avoid that, set the environment variable `ORT_DISABLE_TELEMETRY` to 1 before starting any thread
    /// (a library must not), or use a build without telemetry, such as the official ones up to 1.28.
    ///
    /// # Errors
    /// [`Error::LibraryNotFound`], [`Error::NotALibrary`] or [`Error::LoadLibrary`].
    pub fn load(paths: &SearchPaths) -> Result<Self, Error> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*loaded {
            return Ok(runtime.clone());
        }
        let library = paths.find()?;
        let by_system = library == Path::new(&file_name());
        let library = if by_system {
            library
        } else {
            let library = std::path::absolute(&library).unwrap_or(library);
            check(&library)?;
            library
        };
        let failed = |source: Cause| Error::LoadLibrary { path: library.clone(), source };
        let builder = ort::init_from(&library).map_err(|source| match source {
            LoadDynamicError::Dlopen { .. } if by_system => paths.not_found(),
            source => failed(Box::new(source)),
        })?;
        let builder = builder.with_name("pet-predict").with_telemetry(false);
        let environment = builder.build().map_err(|source| failed(Box::new(source)))?;
        // Errors are returned, so nothing should be printed.
        environment.set_log_level(LogLevel::Fatal);
        let runtime = Self { environment, library };
        Ok(loaded.insert(runtime).clone())
    }

    /// The file, or its bare name if the system's loader found it.
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// Version and build of the library.
    pub fn description(&self) -> &'static str {
        ort::info()
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }
}

/// Where to search for the library, in order.
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
        let folder = program.as_deref().and_then(Path::parent).map(Path::to_path_buf);
        Self { library: None, folders: folder.into_iter().collect(), system: true }
    }
}

impl SearchPaths {
    /// An empty list, to start from.
    pub fn empty() -> Self {
        Self { library: None, folders: Vec::new(), system: false }
    }

    /// Sets the library, such as the value of `ORT_DYLIB_PATH`, so that nothing else is searched. `None`
    /// and the empty path change nothing.
    #[must_use]
    pub fn with_library(mut self, path: Option<PathBuf>) -> Self {
        self.library = path.filter(|path| !path.as_os_str().is_empty()).or(self.library);
        self
    }

    /// Adds the system's loader path, which is searched after all folders.
    #[must_use]
    pub fn with_system(mut self) -> Self {
        self.system = true;
        self
    }

    /// Adds a folder, which is searched after the others and before the system's loader path. The library
    /// is in it or in a folder named after its version; the newest of several versions is used. A folder
    /// whose library is too old is skipped if a later one has a newer one.
    #[must_use]
    pub fn with_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folders.push(folder.into());
        self
    }

    /// Finds the library without loading it; returns its bare name if it is left to the system's loader.
    ///
    /// # Errors
    /// [`Error::LibraryNotFound`] with the searched places.
    pub fn find(&self) -> Result<PathBuf, Error> {
        if let Some(path) = &self.library {
            return Ok(path.clone());
        }
        let found = self.folders.iter().filter_map(|folder| newest_in(folder));
        let mut found: Vec<PathBuf> = found.collect();
        if let Some(first) = found.iter().position(|path| !is_too_old(path)) {
            return Ok(found.swap_remove(first));
        }
        // The error "too old" is more helpful than "not found".
        if let Some(found) = found.into_iter().next() {
            return Ok(found);
        }
        if self.system { Ok(PathBuf::from(file_name())) } else { Err(self.not_found()) }
    }

    fn not_found(&self) -> Error {
        let folders = self.folders.iter().map(|folder| format!("`{}`", folder.display()));
        let system = self.system.then(|| "the system's library path".to_owned());
        Error::LibraryNotFound { searched: folders.chain(system).collect() }
    }
}

/// The bare name of the library on this system, such as `libonnxruntime.so`.
fn file_name() -> String {
    format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}")
}

/// Rejects files that the system's loader would fail or crash on: missing ones, other files, and
/// truncated libraries (which it maps and then crashes on).
fn check(path: &Path) -> Result<(), Error> {
    let reject = |reason: String| Error::NotALibrary { path: path.to_owned(), reason };
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => {
            Error::LibraryNotFound { searched: vec![format!("`{}`", path.display())] }
        }
        kind => reject(kind.to_string()),
    };
    let mut file = fs::File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(reject("it is not a file".into()));
    }
    if cfg!(target_os = "linux") {
        let mut header = [0; 64];
        file.read_exact(&mut header).map_err(|_| reject("it is too short for one".into()))?;
        let length = elf_length(&header).ok_or_else(|| reject("it is not an ELF file".into()))?;
        if metadata.len() < length {
            let got = metadata.len();
            return Err(reject(format!("it is truncated: {got} of at least {length} bytes")));
        }
    }
    Ok(())
}

/// The minimum length of a 64-bit ELF file: the end of its section headers, which come last. `None` for
/// another file. Offsets are those of the ELF header, `elf(5)`.
fn elf_length(header: &[u8; 64]) -> Option<u64> {
    if !header.starts_with(b"\x7fELF") {
        return None;
    }
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
    let sections = number(&header[58..60]) * number(&header[60..62]);
    Some(number(&header[40..48]).saturating_add(sections).max(64))
}

/// The newest library in a folder or in its folders named after versions.
fn newest_in(folder: &Path) -> Option<PathBuf> {
    let inner = entries(folder).filter(|path| version_of(path).is_some() && path.is_dir());
    let folders = std::iter::once(folder.to_owned()).chain(inner);
    let files = folders.flat_map(|folder| entries(&folder).collect::<Vec<_>>());
    let libraries = files.filter(|path| path.file_name().is_some_and(is_library));
    // The name makes the choice between links to the same library deterministic.
    libraries.max_by_key(|path| {
        let folder = path.parent().and_then(version_of);
        (folder.or_else(|| version_of(path)), path.clone())
    })
}

/// Whether a library's version, if its name or folder has one, is below [`OLDEST`].
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
    let rest = name.strip_prefix(DLL_PREFIX).and_then(|rest| rest.strip_prefix("onnxruntime."));
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
        for name in ["libonnxruntime.so", "libonnxruntime.so.1", "libonnxruntime.so.1.32.0"] {
            assert!(is_library(OsStr::new(name)), "{name}");
        }
        for name in ["libonnxruntime_providers_shared.so", "libonnxruntime.a", "onnxruntime.so"] {
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
        fs::write(folder.path().join("1.32.0/libonnxruntime_providers_shared.so"), "").unwrap();
        let paths = SearchPaths::empty().with_folder("/nowhere").with_folder(folder.path());
        let expected = folder.path().join("1.32.0/libonnxruntime.so.1.32.0");
        assert_eq!(paths.find().unwrap(), expected);
        let chosen = paths.with_library(Some("/other.so".into())).with_library(Some("".into()));
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
        let error = SearchPaths::empty().with_folder("/a").with_folder("/b").find().unwrap_err();
        let expected = "ONNX Runtime was not found; searched in `/a`, `/b`";
        assert_eq!(error.to_string(), expected);
        assert!(error.hint().unwrap().contains("search paths"));
    }

    #[test]
    fn the_length_of_an_elf_file_is_read_from_its_header() {
        let program = fs::read(std::env::current_exe().unwrap()).unwrap();
        let header: &[u8; 64] = program[..64].try_into().unwrap();
        let length = elf_length(header).unwrap();
        assert!(length > 64 && length <= program.len() as u64, "{length} of {}", program.len());
        assert_eq!(elf_length(&[0; 64]), None);
    }
}
