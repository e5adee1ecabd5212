//! How a model is run.

use std::num::NonZero;

use pet_image::Limits;
use pet_model::Precision;

/// Settings of a [`Model`](crate::Model) and of the [`ImagePredictor`](crate::ImagePredictor) on
/// it.
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
    /// Threads that share the work of one run. One is best when several sessions run side by side.
    pub threads: NonZero<usize>,
    /// Sessions that an [`ImagePredictor`](crate::ImagePredictor) makes at most, and so runs at the
    /// same time. They are made when they are first needed.
    pub sessions: NonZero<usize>,
    /// Which model of a folder is run; `None` for the one in 8-bit integers where there is one that
    /// can be used, else the one in floating-point numbers.
    pub precision: Option<Precision>,
    /// Largest model file in bytes.
    pub model_bytes: u64,
    /// Largest photograph.
    pub image: Limits,
}

impl Options {
    /// Sets how many threads share the work of one run.
    #[must_use]
    pub fn with_threads(self, threads: NonZero<usize>) -> Self {
        Self { threads, ..self }
    }

    /// Sets how many sessions are made at most.
    #[must_use]
    pub fn with_sessions(self, sessions: NonZero<usize>) -> Self {
        Self { sessions, ..self }
    }

    /// Sets which model of a folder is run.
    #[must_use]
    pub fn with_precision(self, precision: Option<Precision>) -> Self {
        Self { precision, ..self }
    }

    /// Sets the size of the largest model file in bytes.
    #[must_use]
    pub fn with_model_bytes(self, model_bytes: u64) -> Self {
        Self {
            model_bytes,
            ..self
        }
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
