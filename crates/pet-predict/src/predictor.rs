//! Predictions from any number of threads.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pet_image::RgbImage;

use crate::pool::Pool;
use crate::{Error, Model, ModelMetadata, Options, Prediction, Runtime};

/// Predicts the classes of photographs with a pool of sessions, from any number of threads at once.
#[derive(Debug)]
pub struct ImagePredictor {
    pool: Pool,
}

impl ImagePredictor {
    /// Loads a model from a folder such as `results/` or from a model file; see [`Model::load`].
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn load(
        runtime: &Runtime,
        path: impl AsRef<Path>,
        options: &Options,
    ) -> Result<Self, Error> {
        Model::load(runtime, path, options).map(Self::new)
    }

    /// A predictor for a loaded model.
    pub fn new(model: Model) -> Self {
        Self { pool: Pool::new(model) }
    }

    /// Predicts the class of a photograph from the bytes of its file.
    ///
    /// # Errors
    /// As [`Session::predict`](crate::Session::predict).
    pub fn predict(&self, photograph: &[u8]) -> Result<Prediction, Error> {
        self.pool.with(|session| session.predict(photograph))
    }

    /// Predicts the class of a decoded, upright photograph.
    ///
    /// # Errors
    /// As [`Session::predict_image`](crate::Session::predict_image).
    pub fn predict_image(&self, photograph: &RgbImage) -> Result<Prediction, Error> {
        self.pool.with(|session| session.predict_image(photograph))
    }

    /// Predicts the classes of several photographs, in parallel with as many threads as sessions. The
    /// results are those of [`predict`](Self::predict), in the order of the photographs; an error for
    /// one does not affect the others.
    pub fn predict_batch<T: AsRef<[u8]> + Sync>(
        &self,
        photographs: &[T],
    ) -> Vec<Result<Prediction, Error>> {
        let next = AtomicUsize::new(0);
        let answers = Mutex::new(Vec::with_capacity(photographs.len()));
        let work = || {
            while let index = next.fetch_add(1, Ordering::Relaxed)
                && let Some(photograph) = photographs.get(index)
            {
                let answer = self.predict(photograph.as_ref());
                lock(&answers).push((index, answer));
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.pool.limit().min(photographs.len()) {
                scope.spawn(work);
            }
            work();
        });
        let mut answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
        answers.sort_unstable_by_key(|(index, _)| *index);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    /// Runs the model on `batch` preprocessed images and returns its raw output; see
    /// [`Session::run_tensor`](crate::Session::run_tensor).
    ///
    /// # Errors
    /// As [`Session::run_tensor`](crate::Session::run_tensor).
    pub fn run_tensor(&self, tensor: &[f32], batch: usize) -> Result<Vec<f32>, Error> {
        self.pool.with(|session| session.run_tensor(tensor, batch))
    }

    /// The metadata of the model.
    pub fn metadata(&self) -> &ModelMetadata {
        self.model().metadata()
    }

    /// The model.
    pub fn model(&self) -> &Model {
        self.pool.model()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
