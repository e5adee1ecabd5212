//! The model that is served, and how another takes its place.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use pet_model::{ModelMetadata, Results};
use pet_predict::{Error, Explainer, Model, Options, Runtime, Session};

use crate::configuration::Configuration;

/// A model with sessions that were made in advance.
pub(crate) struct Served {
    model: Model,
    prepared: Mutex<Vec<Session>>,
    since: SystemTime,
}

impl Served {
    /// Loads the model in `results` and makes `sessions` sessions in advance.
    fn load(
        runtime: &Runtime,
        results: &Results,
        options: &Options,
        sessions: usize,
    ) -> Result<Self, Error> {
        let model = Model::from_results(runtime, results, options)?;
        let prepared = (0..sessions).map(|_| model.session());
        Ok(Self {
            prepared: Mutex::new(prepared.collect::<Result<_, _>>()?),
            model,
            since: SystemTime::now(),
        })
    }

    /// A session: one made in advance, else a new one.
    pub(crate) fn session(&self) -> Result<Session, Error> {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        let session = prepared.pop();
        drop(prepared);
        session.map_or_else(|| self.model.session(), Ok)
    }

    /// An explainer of the model. Takes about as long as loading it.
    pub(crate) fn explainer(&self) -> Result<Explainer, Error> {
        Explainer::new(&self.model)
    }

    /// What the model says of itself.
    pub(crate) fn metadata(&self) -> &ModelMetadata {
        self.model.metadata()
    }

    /// When it was loaded.
    pub(crate) fn since(&self) -> SystemTime {
        self.since
    }
}

/// Holds the served model and knows where to load the next. Who works with a model keeps it until
/// done, also when another has taken its place.
pub(crate) struct Slot {
    runtime: Runtime,
    results: Results,
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

    /// Loads the model that lies in the results now, with a session for each worker, and
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
