//! A model file that was read and checked.

mod choose;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fs_err as fs;
use ort::session::builder::{AutoDevicePolicy, GraphOptimizationLevel};
use pet_model::ModelMetadata;

use crate::{Error, Options, Runtime, Session, contract};

/// A model that fits its metadata, ready to be run by any number of [`Session`]s. Clones are
/// handles to the same one.
#[derive(Clone)]
pub struct Model(Arc<Inner>);

struct Inner {
    runtime: Runtime,
    path: PathBuf,
    bytes: Vec<u8>,
    metadata: ModelMetadata,
    classes: Arc<[String]>,
    options: Options,
    /// The session by which the model was checked; the first that is asked for gets it.
    checked: Mutex<Option<ort::session::Session>>,
}

impl Model {
    /// Reads and checks a model: a file, or a folder such as `results/` with `model.onnx` or
    /// `model.int8.onnx` in it, of which the options choose one. In a folder, `classes.json` must be
    /// the model's if it is there.
    ///
    /// # Errors
    /// [`Error::ReadModel`], [`Error::ModelSize`] or [`Error::LoadModel`] when it is no model;
    /// [`Error::Metadata`], [`Error::Interface`], [`Error::Precision`], [`Error::ReadClasses`] or
    /// [`Error::Classes`] when it is not one that can be used rightly.
    pub fn load(
        runtime: &Runtime,
        path: impl AsRef<Path>,
        options: &Options,
    ) -> Result<Self, Error> {
        let given = path.as_ref();
        if !given.is_dir() {
            return Self::open(runtime, given.to_owned(), options);
        }
        let (file, other) = choose::files(given, options.precision, options.model_bytes);
        match (Self::open_in(given, runtime, file, options), other) {
            // Where one is damaged, the other still answers.
            (Err(_), Some(other)) => Self::open_in(given, runtime, other, options),
            (opened, _) => opened,
        }
    }

    /// Opens a model beside which its class list may lie.
    fn open_in(
        folder: &Path,
        runtime: &Runtime,
        file: PathBuf,
        options: &Options,
    ) -> Result<Self, Error> {
        let model = Self::open(runtime, file, options)?;
        contract::check_precision(model.path(), model.metadata())?;
        contract::check_classes(folder, model.metadata())?;
        Ok(model)
    }

    fn open(runtime: &Runtime, path: PathBuf, options: &Options) -> Result<Self, Error> {
        let bytes = read(&path, options.model_bytes)?;
        let session = open(runtime, &bytes, options).map_err(|source| Error::LoadModel {
            path: path.clone(),
            source: Box::new(source),
        })?;
        let metadata = contract::read_metadata(&session, &path)?;
        Ok(Self(Arc::new(Inner {
            runtime: runtime.clone(),
            path,
            bytes,
            classes: metadata.classes.as_slice().into(),
            metadata,
            options: options.clone(),
            checked: Mutex::new(Some(session)),
        })))
    }

    /// A new session; the first is there already, each further one costs about as much time as
    /// loading did.
    ///
    /// # Errors
    /// [`Error::LoadModel`] when ONNX Runtime lacks the memory or threads for it.
    pub fn session(&self) -> Result<Session, Error> {
        let inner = &*self.0;
        let checked = inner
            .checked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let failed = |source| Error::LoadModel {
            path: inner.path.clone(),
            source,
        };
        let session = match checked {
            Some(session) => session,
            None => open(&inner.runtime, &inner.bytes, &inner.options)
                .map_err(|source| failed(Box::new(source)))?,
        };
        Ok(Session::new(self.clone(), session))
    }

    /// What the model says of itself.
    pub fn metadata(&self) -> &ModelMetadata {
        &self.0.metadata
    }

    /// How the model is run.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// The model file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The bytes of the model file.
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// A runner of other bytes with the settings of this model: a variant of it.
    pub(crate) fn open_variant(&self, bytes: &[u8]) -> ort::Result<ort::session::Session> {
        open(&self.0.runtime, bytes, &self.0.options)
    }

    pub(crate) fn classes(&self) -> Arc<[String]> {
        self.0.classes.clone()
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Inner {
            path,
            metadata,
            options,
            ..
        } = &*self.0;
        let mut formatter = formatter.debug_struct("Model");
        formatter
            .field("path", path)
            .field("metadata", metadata)
            .field("options", options);
        formatter.finish_non_exhaustive()
    }
}

/// Reads a file of at most `limit` bytes.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let size = |got| Error::ModelSize {
        path: path.to_owned(),
        limit,
        got,
    };
    let failed = |source| Error::ReadModel { source };
    let file = fs::File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length > limit {
        return Err(size(length));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    match bytes.len() as u64 {
        got if got == 0 || got > limit => Err(size(got)),
        _ => Ok(bytes),
    }
}

fn open(runtime: &Runtime, bytes: &[u8], options: &Options) -> ort::Result<ort::session::Session> {
    ort::session::Session::builder(runtime.environment())?
        // Takes longer to make than with fewer fusions, but the first prediction makes up for it.
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(options.threads.get())?
        .with_inter_threads(1)?
        // Left to itself, a library built with more than the processor would choose among devices,
        // and the same photograph would get other numbers on another machine.
        .with_auto_device(AutoDevicePolicy::PreferCPU)?
        .commit_from_memory(bytes)
}
