//! Predictions from any number of threads.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use pet_image::RgbImage;

use crate::{Error, Model, ModelMetadata, Options, Prediction, Runtime, Session};

/// Predicts the classes of photographs with a pool of sessions, from any number of threads at once.
///
/// Sessions are created on demand up to [`Options::sessions`]; further threads wait.
#[derive(Debug)]
pub struct ImagePredictor {
    model: Model,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Session>,
    /// Number of sessions, in use or idle.
    count: usize,
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
        Self { model, pool: Mutex::default(), returned: Condvar::new() }
    }

    /// Predicts the class of a photograph from the bytes of its file.
    ///
    /// # Errors
    /// As [`Session::predict`](crate::Session::predict).
    pub fn predict(&self, photograph: &[u8]) -> Result<Prediction, Error> {
        self.with_session(|session| session.predict(photograph))
    }

    /// Predicts the class of a decoded, upright photograph.
    ///
    /// # Errors
    /// As [`Session::predict_image`](crate::Session::predict_image).
    pub fn predict_image(&self, photograph: &RgbImage) -> Result<Prediction, Error> {
        self.with_session(|session| session.predict_image(photograph))
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
            for _ in 1..self.limit().min(photographs.len()) {
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
        self.with_session(|session| session.run_tensor(tensor, batch))
    }

    /// The metadata of the model.
    pub fn metadata(&self) -> &ModelMetadata {
        self.model.metadata()
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Maximum number of sessions.
    fn limit(&self) -> usize {
        self.model.options().sessions.get()
    }

    /// Does some work with a session; waits while all are in use.
    fn with_session<T>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut lease = self.lease();
        let session = match &mut lease.session {
            Some(session) => session,
            // Created without holding the lock.
            empty => empty.insert(self.model.session()?),
        };
        work(session)
    }

    fn lease(&self) -> Lease<'_> {
        let all_in_use = |pool: &mut Pool| pool.idle.is_empty() && pool.count == self.limit();
        let pool = self.returned.wait_while(lock(&self.pool), all_in_use);
        let mut pool = pool.unwrap_or_else(PoisonError::into_inner);
        let session = pool.idle.pop();
        pool.count += usize::from(session.is_none());
        Lease { predictor: self, session }
    }
}

/// The right to use a session, returned when dropped, also by a panic.
struct Lease<'a> {
    predictor: &'a ImagePredictor,
    session: Option<Session>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut pool = lock(&self.predictor.pool);
        match self.session.take() {
            Some(session) => pool.idle.push(session),
            None => pool.count -= 1,
        }
        drop(pool);
        self.predictor.returned.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
