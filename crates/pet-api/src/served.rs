//! A model that answers, with the sessions that the workers share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use pet_model::{ModelMetadata, Results};
use pet_predict::{Error, Explainer, Explanation, Model, Options, Runtime, Session};

use crate::drift::Drift;
use crate::metrics::Loaded;

/// What a model is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It answers unless something else is asked for.
    Served,
    /// It answers a share of the photographs in place of the served one.
    Canary,
    /// It answers again what the served one has answered, and nobody sees it.
    Shadow,
    /// It answers requests that name it.
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

    /// Whether its classes are those of the served model; a named model may have any.
    pub(crate) fn has_served_classes(self) -> bool {
        self != Self::Named
    }
}

/// A model with its sessions. Who works with one keeps it until done, also when another has taken its place.
pub(crate) struct Served {
    model: Model,
    name: String,
    results: Results,
    role: Role,
    sessions: Pool<Session>,
    explainers: Pool<Explainer>,
    drift: Option<Drift>,
    since: SystemTime,
}

impl Served {
    /// Does work with a session that nobody else uses meanwhile.
    pub(crate) fn run<T>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.sessions.run(|| self.model.session(), work)
    }

    /// Makes a session more, so that the next who needs one need not wait for it.
    pub(crate) fn prepare(&self) -> Result<(), Error> {
        self.sessions.put(self.model.session()?);
        Ok(())
    }

    /// Explains an answer.
    pub(crate) fn explain(
        &self,
        photograph: &[u8],
        class: Option<&str>,
    ) -> Result<Explanation, Error> {
        let explain = |explainer: &mut Explainer| explainer.explain(photograph, class);
        self.explainers.run(|| Explainer::new(&self.model), explain)
    }

    /// The name that it is asked for by.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What it is there for.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// What the model says of itself.
    pub(crate) fn metadata(&self) -> &ModelMetadata {
        self.model.metadata()
    }

    /// Its version, empty where it has none.
    pub(crate) fn version(&self) -> &str {
        self.loaded().version()
    }

    /// Where it was loaded from.
    pub(crate) fn results(&self) -> &Results {
        &self.results
    }

    /// As it is counted.
    pub(crate) fn loaded(&self) -> Loaded<'_> {
        let metadata = self.metadata();
        Loaded {
            name: self.name(),
            metadata,
            role: self.role,
        }
    }

    /// How far its answers are from its reference, if it has one.
    pub(crate) fn drift(&self) -> Option<&Drift> {
        self.drift.as_ref()
    }

    /// Logs what has happened to it.
    pub(crate) fn announce(&self, message: &str) {
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

    /// When it was loaded.
    pub(crate) fn since(&self) -> SystemTime {
        self.since
    }
}

/// What one thread at a time uses and others use again. There are never more of them than threads have worked at the same
/// time, and all go with their model. One whose work panics is not used again: it may be in any state.
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
    window: usize,
}

impl Loader {
    /// Their drift is measured over so many photographs.
    pub(crate) fn new(runtime: Runtime, options: Options, window: usize) -> Self {
        Self {
            runtime,
            options,
            window,
        }
    }

    /// Loads the model in `results`. It has its own name unless it is given another.
    pub(crate) fn load(
        &self,
        results: &Results,
        role: Role,
        name: Option<&str>,
    ) -> Result<Arc<Served>, Error> {
        let model = Model::from_results(&self.runtime, results, &self.options)?;
        let metadata = model.metadata();
        let reference = metadata.reference.clone();
        // Drift is shown for the served model only.
        let reference = reference.filter(|_| role.has_served_classes());
        Ok(Arc::new(Served {
            name: name.unwrap_or(&metadata.model_name).to_owned(),
            drift: reference.map(|reference| Drift::new(reference, self.window)),
            model,
            results: results.clone(),
            role,
            sessions: Pool(Mutex::default()),
            explainers: Pool(Mutex::default()),
            since: SystemTime::now(),
        }))
    }
}
