//! The ONNX Runtime library, loaded once per process.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::LoadDynamicError;
use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::error::Cause;
use crate::library::{check, file_name};
use crate::{Error, SearchPaths};

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
