//! The ONNX Runtime library, loaded once per process.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::library::{check, file_name};
use crate::{Error, SearchPaths};

/// The library is global to a process, and so is what it was loaded from.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

/// The loaded library. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Runtime {
    environment: Environment,
    library: PathBuf,
}

impl Runtime {
    /// Finds and loads the library. Only one can be loaded in a process: once one is, it is given
    /// back whatever the search paths.
    ///
    /// # Errors
    /// [`Error::LibraryNotFound`], [`Error::NotALibrary`] or [`Error::LoadLibrary`], at once.
    pub fn load(paths: &SearchPaths) -> Result<Self, Error> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*loaded {
            return Ok(runtime.clone());
        }
        let library = paths.find()?;
        let runtime = if library == Path::new(&file_name()) {
            Self::open(library).map_err(|_| paths.not_found())?
        } else {
            let library = std::path::absolute(&library).unwrap_or(library);
            check(&library)?;
            Self::open(library)?
        };
        Ok(loaded.insert(runtime).clone())
    }

    fn open(library: PathBuf) -> Result<Self, Error> {
        let failed = |source| Error::LoadLibrary {
            path: library.clone(),
            source,
        };
        let builder = ort::init_from(&library).map_err(|source| failed(Box::new(source)))?;
        let builder = builder.with_name("pet-predict").with_telemetry(false);
        let environment = builder.build().map_err(|source| failed(Box::new(source)))?;
        // Whatever goes wrong comes back as an error; a library prints nothing besides.
        environment.set_log_level(LogLevel::Fatal);
        Ok(Self {
            environment,
            library,
        })
    }

    /// The file, or the bare name by which the system's loader found it.
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// Version and build of the library, as it describes itself.
    pub fn description(&self) -> &'static str {
        ort::info()
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }
}
