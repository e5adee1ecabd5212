//! A loaded model with the sessions that the workers share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use pet_model::{ModelMetadata, Results};
use pet_predict::{Error, Explainer, Explanation, Model, Options, Runtime, Session};

use crate::drift::Drift;
use crate::metrics::ModelLabels;

/// Which requests a model is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Those that ask for no other model.
    Served,
    /// A share of the photographs, in place of the served model.
    Canary,
    /// None: its predictions are compared with those of the served model.
    Shadow,
    /// Those that name it.
    Named,
}

impl Role {
    /// Its name in the metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Canary => "canary",
            Self::Shadow => "shadow",
            Self::Named => "named",
        }
    }

    /// Whether its classes are those of the served model; a named model may have others.
    pub(crate) fn has_served_classes(self) -> bool {
        self != Self::Named
    }
}

/// A model with its sessions. Work that has started with a model finishes with it, even if it is replaced in the meantime.
pub(crate) struct LoadedModel {
    model: Model,
    name: String,
    results: Results,
    role: Role,
    sessions: Pool<Session>,
    explainers: Pool<Explainer>,
    drift: Option<Drift>,
    loaded_at: SystemTime,
}

impl LoadedModel {
    /// Runs `work` with a session of its own.
    pub(crate) fn run<T>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.sessions.run(|| self.model.session(), work)
    }

    /// Creates a session ahead of the request that needs it.
    pub(crate) fn add_session(&self) -> Result<(), Error> {
        self.sessions.put(self.model.session()?);
        Ok(())
    }

    /// The number of sessions that no thread uses.
    #[cfg(test)]
    pub(crate) fn idle_sessions(&self) -> usize {
        self.sessions.idle().len()
    }

    /// Explains a prediction.
    pub(crate) fn explain(
        &self,
        photograph: &[u8],
        class: Option<&str>,
    ) -> Result<Explanation, Error> {
        let explain = |explainer: &mut Explainer| explainer.explain(photograph, class);
        self.explainers.run(|| Explainer::new(&self.model), explain)
    }

    /// The name that requests use.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    pub(crate) fn metadata(&self) -> &ModelMetadata {
        self.model.metadata()
    }

    /// Its version, empty if it has none.
    pub(crate) fn version(&self) -> &str {
        self.labels().version()
    }

    /// Where it was loaded from.
    pub(crate) fn results(&self) -> &Results {
        &self.results
    }

    /// Its labels in the metrics.
    pub(crate) fn labels(&self) -> ModelLabels<'_> {
        ModelLabels {
            name: self.name(),
            metadata: self.metadata(),
            role: self.role,
        }
    }

    /// The drift of its predictions, if the model has a reference.
    pub(crate) fn drift(&self) -> Option<&Drift> {
        self.drift.as_ref()
    }

    /// Logs an event of this model.
    pub(crate) fn log(&self, message: &str) {
        let metadata = self.metadata();
        tracing::info!(
            model = self.name(),
            version = metadata.model_version,
            precision = %metadata.precision,
            role = self.role.name(),
            results = %self.results,
            "{message}"
        );
    }

    pub(crate) fn loaded_at(&self) -> SystemTime {
        self.loaded_at
    }
}

/// Reusable objects, each used by one thread at a time. There are never more of them than threads that ran at the same
/// time. An object whose work panics is dropped, as its state is unknown.
struct Pool<T>(Mutex<Vec<T>>);

impl<T> Pool<T> {
    fn run<U>(
        &self,
        make: impl FnOnce() -> Result<T, Error>,
        work: impl FnOnce(&mut T) -> Result<U, Error>,
    ) -> Result<U, Error> {
        let idle = self.idle().pop();
        let mut used = idle.map_or_else(make, Ok)?;
        let result = work(&mut used);
        self.put(used);
        result
    }

    fn put(&self, unused: T) {
        self.idle().push(unused);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Loads models.
pub(crate) struct Loader {
    runtime: Runtime,
    options: Options,
    drift_window: usize,
}

impl Loader {
    pub(crate) fn new(runtime: Runtime, options: Options, drift_window: usize) -> Self {
        Self {
            runtime,
            options,
            drift_window,
        }
    }

    /// Loads the model in `results`, under its own name unless another is given.
    pub(crate) fn load(
        &self,
        results: &Results,
        role: Role,
        name: Option<&str>,
    ) -> Result<Arc<LoadedModel>, Error> {
        let model = Model::from_results(&self.runtime, results, &self.options)?;
        let metadata = model.metadata();
        let reference = metadata.reference.clone();
        // Named models have no drift: the metric has no label for them.
        let reference = reference.filter(|_| role.has_served_classes());
        Ok(Arc::new(LoadedModel {
            name: name.unwrap_or(&metadata.model_name).to_owned(),
            drift: reference.map(|reference| Drift::new(reference, self.drift_window)),
            model,
            results: results.clone(),
            role,
            sessions: Pool(Mutex::default()),
            explainers: Pool(Mutex::default()),
            loaded_at: SystemTime::now(),
        }))
    }
}
