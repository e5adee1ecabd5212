//! How a model is run.

use std::num::NonZero;

use pet_image::Limits;

/// Settings of a [`Model`](crate::Model) and of the [`ImagePredictor`](crate::ImagePredictor) on
/// it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads that share the work of one run. One is best when several sessions run side by side.
    pub threads: NonZero<usize>,
    /// Sessions that an [`ImagePredictor`](crate::ImagePredictor) makes at most, and so runs at the
    /// same time. They are made when they are first needed.
    pub sessions: NonZero<usize>,
    /// Largest model file in bytes.
    pub model_bytes: u64,
    /// Largest photograph.
    pub image: Limits,
}

impl Default for Options {
    /// One thread per session, as many sessions as the machine has processors, models up to
    /// 512 MiB, the photographs of [`Limits::default`].
    fn default() -> Self {
        Self {
            threads: NonZero::<usize>::MIN,
            sessions: std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
            model_bytes: 512 << 20,
            image: Limits::default(),
        }
    }
}
