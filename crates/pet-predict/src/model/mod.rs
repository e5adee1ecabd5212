//! Models.

mod choose;
mod source;

use std::borrow::Cow;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::session::builder::{AutoDevicePolicy, GraphOptimizationLevel};
use pet_model::{ModelMetadata, Results};

use self::source::{built_in, read};
use crate::runner::Runner;
use crate::{Error, Options, Runtime, Session, contract};

/// A checked model, which any number of [`Session`]s can run; clones share it.
#[derive(Clone)]
pub struct Model(Arc<Inner>);

struct Inner {
    runtime: Runtime,
    path: PathBuf,
    bytes: Cow<'static, [u8]>,
    metadata: ModelMetadata,
    classes: Arc<[String]>,
    options: Options,
    /// The session that checked the model; it becomes the first one.
    checked: Mutex<Option<ort::session::Session>>,
}

impl Model {
    /// Reads and checks a model: a file, or a folder such as `results/` with `model.onnx` or
    /// `model.int8.onnx`, one of which the options choose. A `classes.json` in the folder must match the
    /// model.
    ///
    /// # Errors
    /// [`Error::NoModel`] when there is none; [`Error::ReadModel`], [`Error::ModelSize`] or
    /// [`Error::LoadModel`] when it cannot be loaded; [`Error::Metadata`], [`Error::Interface`],
    /// [`Error::Precision`], [`Error::ReadClasses`] or [`Error::Classes`] when it is inconsistent.
    pub fn load(
        runtime: &Runtime,
        path: impl AsRef<Path>,
        options: &Options,
    ) -> Result<Self, Error> {
        let given = path.as_ref();
        if !given.is_dir() {
            let bytes = read(given, options.model_bytes)?;
            return Self::open(runtime, given.to_owned(), bytes.into(), options);
        }
        let (file, other) = choose::files(given, options.precision, options.model_bytes);
        match (Self::open_in(given, runtime, file, options), other) {
            // If one is damaged, the other is used.
            (Err(_), Some(other)) => Self::open_in(given, runtime, other, options),
            (opened, _) => opened,
        }
    }

    /// Reads and checks the model of a folder, as [`load`](Self::load) does, or the one embedded in the program, without
    /// copying it.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_results(
        runtime: &Runtime,
        results: &Results,
        options: &Options,
    ) -> Result<Self, Error> {
        if let Some(folder) = results.folder() {
            return Self::load(runtime, folder, options);
        }
        let (path, bytes) = built_in(results, options)?;
        let model = Self::open(runtime, path, bytes, options)?;
        contract::check_precision(model.path(), model.metadata())?;
        Ok(model)
    }

    /// The metadata of the model that these options choose, read without ONNX Runtime and without further checks.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::ReadModel`], [`Error::ModelSize`], [`Error::LoadModel`] or [`Error::Metadata`].
    pub fn describe(results: &Results, options: &Options) -> Result<ModelMetadata, Error> {
        let (path, bytes) = match results.folder() {
            Some(folder) => {
                let (file, _) = choose::files(folder, options.precision, options.model_bytes);
                let bytes = read(&file, options.model_bytes)?;
                (file, Cow::Owned(bytes))
            }
            None => built_in(results, options)?,
        };
        let model = onnx_graph::Model::from_bytes(&bytes)
            .map_err(|source| Error::LoadModel { path: path.clone(), source: Box::new(source) })?;
        ModelMetadata::from_properties(model.metadata())
            .map_err(|source| Error::Metadata { path, source })
    }

    /// Opens a model in a folder, which may have a class list.
    fn open_in(
        folder: &Path,
        runtime: &Runtime,
        file: PathBuf,
        options: &Options,
    ) -> Result<Self, Error> {
        let bytes = read(&file, options.model_bytes)?;
        let model = Self::open(runtime, file, bytes.into(), options)?;
        contract::check_precision(model.path(), model.metadata())?;
        contract::check_classes(folder, model.metadata())?;
        Ok(model)
    }

    fn open(
        runtime: &Runtime,
        path: PathBuf,
        bytes: Cow<'static, [u8]>,
        options: &Options,
    ) -> Result<Self, Error> {
        let session = open(runtime, &bytes, options)
            .map_err(|source| Error::LoadModel { path: path.clone(), source: Box::new(source) })?;
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

    /// A new session. The first is free, each further one takes about as much time as loading did.
    ///
    /// # Errors
    /// [`Error::LoadModel`] when ONNX Runtime lacks the memory or threads for it.
    pub fn session(&self) -> Result<Session, Error> {
        let checked = self.0.checked.lock();
        let checked = checked.unwrap_or_else(PoisonError::into_inner).take();
        match checked {
            Some(session) => Ok(Session::new(self.clone(), self.runner(session))),
            None => self.session_on(self.0.options.threads),
        }
    }

    /// A new session with its own number of threads: several answer one photograph sooner, but more photographs at the same
    /// time later. The predictions are the same.
    ///
    /// # Errors
    /// As [`session`](Self::session).
    pub fn session_on(&self, threads: NonZero<usize>) -> Result<Session, Error> {
        let inner = &*self.0;
        let options = inner.options.clone().with_threads(threads);
        let session = open(&inner.runtime, &inner.bytes, &options);
        let session = session.map_err(|source| Error::LoadModel {
            path: inner.path.clone(),
            source: Box::new(source),
        })?;
        Ok(Session::new(self.clone(), self.runner(session)))
    }

    /// The metadata.
    pub fn metadata(&self) -> &ModelMetadata {
        &self.0.metadata
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// The model file; for an embedded model a name that is not a file's.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The bytes of the model file.
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// A runner of a variant of this model, with the same options.
    pub(crate) fn open_variant(&self, bytes: &[u8]) -> ort::Result<Runner> {
        open(&self.0.runtime, bytes, &self.0.options).map(|session| self.runner(session))
    }

    fn runner(&self, session: ort::session::Session) -> Runner {
        Runner::new(session, self.metadata().preprocess.tensor_len())
    }

    pub(crate) fn classes(&self) -> Arc<[String]> {
        self.0.classes.clone()
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Inner { path, metadata, options, .. } = &*self.0;
        let mut formatter = formatter.debug_struct("Model");
        formatter.field("path", path).field("metadata", metadata).field("options", options);
        formatter.finish_non_exhaustive()
    }
}

fn open(runtime: &Runtime, bytes: &[u8], options: &Options) -> ort::Result<ort::session::Session> {
    ort::session::Session::builder(runtime.environment())?
        // Slower to create than with fewer fusions, but the first prediction makes up for it.
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(options.threads.get())?
        .with_inter_threads(1)?
        // By default a library built for several devices chooses among them, so that results would
        // depend on the machine.
        .with_auto_device(AutoDevicePolicy::PreferCPU)?
        // Threads that spin while they wait would take a processor from other sessions.
        .with_intra_op_spinning(false)?
        .commit_from_memory(bytes)
}
