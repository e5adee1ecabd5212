//! Options.

use std::num::NonZero;

use pet_image::Limits;
use pet_model::Precision;

/// Options of a [`Model`](crate::Model) and its [`ImagePredictor`](crate::ImagePredictor).
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
