//! The place of the served model.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use pet_predict::{Error, Options, Runtime};

use super::Served;
use crate::Configuration;

/// Holds the served model and knows where to load the next. Who works with a model keeps it until
/// done, also when another has taken its place.
pub(crate) struct Slot {
    runtime: Runtime,
    results: PathBuf,
    options: Options,
    workers: usize,
    current: RwLock<Arc<Served>>,
    /// Held while a model is loaded: one at a time.
    loading: Mutex<()>,
}

impl Slot {
    /// Loads the first model. Its sessions are made by the workers, so that the first request need
    /// not wait for all of them.
    pub(crate) fn load(runtime: Runtime, configuration: &Configuration) -> Result<Self, Error> {
        let options = Options::default()
            .with_image(configuration.limits)
            .with_precision(configuration.precision);
        let served = Served::load(&runtime, &configuration.results, &options, 0)?;
        Ok(Self {
            runtime,
            results: configuration.results.clone(),
            options,
            workers: configuration.workers.get(),
            current: RwLock::new(Arc::new(served)),
            loading: Mutex::new(()),
        })
    }

    /// The model that is served now.
    pub(crate) fn served(&self) -> Arc<Served> {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Loads the model that lies in the results folder now, with a session for each worker, and
    /// serves it from then on. If it does not load, the one before is served on. Takes a while.
    pub(crate) fn reload(&self) -> Result<Arc<Served>, Error> {
        let _one_at_a_time = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let next = Served::load(&self.runtime, &self.results, &self.options, self.workers)?;
        let next = Arc::new(next);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = next.clone();
        Ok(next)
    }
}
