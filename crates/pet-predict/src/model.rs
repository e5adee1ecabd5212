//! Models: choosing one, reading it and checking it.

use std::borrow::Cow;
use std::fmt;
use std::io::{ErrorKind, Read};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fs_err as fs;
use ort::session::Session;
use ort::session::builder::{AutoDevicePolicy, GraphOptimizationLevel};
use pet_image::Limits;
use pet_model::{ModelMetadata, Precision, Results};

use crate::{Error, Runtime, contract};

/// Options of a [`Model`] and its [`ImagePredictor`](crate::ImagePredictor).
///
/// ```
/// use std::num::NonZero;
///
/// let two = NonZero::new(2).unwrap();
/// let options = pet_predict::Options::default().with_sessions(two);
/// assert_eq!(options.sessions, two);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Threads of one session. One is best when several sessions run in parallel.
    pub threads: NonZero<usize>,
    /// Maximum number of sessions of an [`ImagePredictor`](crate::ImagePredictor), which run in
    /// parallel and are created on demand.
    pub sessions: NonZero<usize>,
    /// Which model of a folder is used; `None` for the quantized one if there is one that can be used,
    /// else the floating-point one.
    pub precision: Option<Precision>,
    /// Largest model file in bytes.
    pub model_bytes: u64,
    /// Largest photograph.
    pub image: Limits,
}

impl Options {
    /// Sets the number of threads of one session.
    #[must_use]
    pub fn with_threads(self, threads: NonZero<usize>) -> Self {
        Self { threads, ..self }
    }

    /// Sets the maximum number of sessions.
    #[must_use]
    pub fn with_sessions(self, sessions: NonZero<usize>) -> Self {
        Self { sessions, ..self }
    }

    /// Sets which model of a folder is used.
    #[must_use]
    pub fn with_precision(self, precision: Option<Precision>) -> Self {
        Self { precision, ..self }
    }

    /// Sets the size of the largest model file in bytes.
    #[must_use]
    pub fn with_model_bytes(self, model_bytes: u64) -> Self {
        Self { model_bytes, ..self }
    }

    /// Sets the limits for photographs.
    #[must_use]
    pub fn with_image(self, image: Limits) -> Self {
        Self { image, ..self }
    }
}

impl Default for Options {
    /// One thread per session, as many sessions as the machine has processors, either model, models
    /// up to 512 MiB, the photographs of [`Limits::default`].
    fn default() -> Self {
        Self {
            threads: NonZero::<usize>::MIN,
            sessions: std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
            precision: None,
            model_bytes: 512 << 20,
            image: Limits::default(),
        }
    }
}

/// A checked model, which any number of [`Session`](crate::Session)s can run; clones share it.
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
    checked: Mutex<Option<Session>>,
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
        let (file, other) = choose(given, options);
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
                let (file, _) = choose(folder, options);
                let bytes = read(&file, options.model_bytes)?;
                (file, Cow::Owned(bytes))
            }
            None => built_in(results, options)?,
        };
        read_metadata(&path, &bytes)
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
        let session = open(runtime, &bytes, options.threads)
            .map_err(|source| Error::load_model(&path, source))?;
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

    /// The session that checked the model, once.
    pub(crate) fn take_checked(&self) -> Option<Session> {
        self.0.checked.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Opens a session of this model or, for other bytes, of a variant of it.
    pub(crate) fn open_session(
        &self,
        bytes: &[u8],
        threads: NonZero<usize>,
    ) -> ort::Result<Session> {
        open(&self.0.runtime, bytes, threads)
    }

    pub(crate) fn classes(&self) -> Arc<[String]> {
        self.0.classes.clone()
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { path, metadata, options, .. } = &*self.0;
        let mut formatter = formatter.debug_struct("Model");
        formatter.field("path", path).field("metadata", metadata).field("options", options);
        formatter.finish_non_exhaustive()
    }
}

fn open(runtime: &Runtime, bytes: &[u8], threads: NonZero<usize>) -> ort::Result<Session> {
    Session::builder(runtime.environment())?
        // Slower to create than with fewer fusions, but the first prediction makes up for it.
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads.get())?
        .with_inter_threads(1)?
        // By default a library built for several devices chooses among them, so that results would
        // depend on the machine.
        .with_auto_device(AutoDevicePolicy::PreferCPU)?
        // Threads that spin while they wait would take a processor from other sessions.
        .with_intra_op_spinning(false)?
        .commit_from_memory(bytes)
}

/// The file to use, and a fallback. Without a requested precision the first is the quantized model, if
/// there is one that belongs to the other.
fn choose(folder: &Path, options: &Options) -> (PathBuf, Option<PathBuf>) {
    let [floats, integers] = Precision::ALL.map(|precision| folder.join(precision.file()));
    match options.precision {
        Some(precision) => (folder.join(precision.file()), None),
        None if !integers.exists() => (floats, None),
        None if !floats.exists() => (integers, None),
        None if belong_together(&floats, &integers, options.model_bytes) => {
            (integers, Some(floats))
        }
        None => (floats, None),
    }
}

/// Whether two models have the same origin: one may have been replaced without the other. Unreadable
/// models are reported when they are loaded.
fn belong_together(floats: &Path, integers: &Path, limit: u64) -> bool {
    let metadata = |path| read_metadata(path, &read(path, limit)?);
    match (metadata(floats), metadata(integers)) {
        (Ok(floats), Ok(integers)) => {
            let precision = integers.precision;
            let [floats, integers] = [floats, integers].map(ModelMetadata::without_measurements);
            floats.with_precision(precision) == integers
        }
        (Err(_), Ok(_)) => true,
        (_, Err(_)) => false,
    }
}

/// The metadata of a model, read without ONNX Runtime.
fn read_metadata(path: &Path, bytes: &[u8]) -> Result<ModelMetadata, Error> {
    let model = onnx_graph::Model::from_bytes(bytes);
    let model = model.map_err(|source| Error::load_model(path, source))?;
    ModelMetadata::from_properties(model.metadata())
        .map_err(|source| Error::Metadata { path: path.to_owned(), source })
}

/// The embedded model that the options choose, with its name for messages.
fn built_in(results: &Results, options: &Options) -> Result<(PathBuf, Cow<'static, [u8]>), Error> {
    let integers = results.contains(Precision::Int8.file());
    let default = if integers { Precision::Int8 } else { Precision::Fp32 };
    let precision = options.precision.unwrap_or(default);
    let (path, limit) = (results.path(precision.file()), options.model_bytes);
    let bytes = results.read(precision.file());
    let bytes = bytes.map_err(|_| Error::NoModel { path: path.clone() })?;
    match bytes.len() as u64 {
        got if got == 0 || got > limit => Err(Error::ModelSize { path, limit, got }),
        _ => Ok((path, bytes)),
    }
}

/// Reads a file of at most `limit` bytes.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let size = |got| Error::ModelSize { path: path.to_owned(), limit, got };
    let failed = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => Error::NoModel { path: path.into() },
        _ => Error::ReadModel(source),
    };
    let file = fs::File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length > limit {
        return Err(size(length));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 {
        got if got == 0 || got > limit => Err(size(got)),
        _ => Ok(bytes),
    }
}
