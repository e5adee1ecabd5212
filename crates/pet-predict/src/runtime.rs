//! The ONNX Runtime library, loaded once per process.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::LoadDynamicError;
use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::error::Cause;
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
    /// # Telemetry
    /// The official builds of ONNX Runtime from 1.29 on report their use to Microsoft
    /// (<https://github.com/microsoft/onnxruntime/pull/27379>). It is turned off here, but the
    /// library can only be told so after it has made its first report and a database in the user's
    /// cache folder. A program that wants neither sets the environment variable
    /// `ORT_DISABLE_TELEMETRY` to 1 before it starts any thread (a library must not), or brings a
    /// build without telemetry, such as the official ones up to 1.28.
    ///
    /// # Errors
    /// [`Error::LibraryNotFound`], [`Error::NotALibrary`] or [`Error::LoadLibrary`], at once.
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
        let failed = |source: Cause| Error::LoadLibrary {
            path: library.clone(),
            source,
        };
        let builder = ort::init_from(&library).map_err(|source| match source {
            LoadDynamicError::Dlopen { .. } if by_system => paths.not_found(),
            source => failed(Box::new(source)),
        })?;
        let builder = builder.with_name("pet-predict").with_telemetry(false);
        let environment = builder.build().map_err(|source| failed(Box::new(source)))?;
        // Whatever goes wrong comes back as an error; a library prints nothing besides.
        environment.set_log_level(LogLevel::Fatal);
        let runtime = Self {
            environment,
            library,
        };
        Ok(loaded.insert(runtime).clone())
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
