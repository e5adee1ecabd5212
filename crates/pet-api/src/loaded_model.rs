//! A loaded model with the sessions that the workers share.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::SystemTime;

use parking_lot::Mutex;
use pet_model::{ModelMetadata, Results};
use pet_predict::{Explainer, Model, Options, Runtime, Session};
use tracing::Span;

use crate::configuration::{Configuration, Role};
use crate::drift::Drift;
use crate::error::Error;
use crate::metrics::ModelLabels;

/// Most threads of one session. Further ones hardly shorten the inference of a network as small as these.
const MAX_THREADS: NonZero<usize> = NonZero::new(4).unwrap();

/// A model with its sessions. Work that has started with a model finishes with it, even if it is replaced in the meantime.
pub(crate) struct LoadedModel {
    /// The name that requests use.
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) results: Results,
    pub(crate) loaded_at: SystemTime,
    /// The drift of its predictions, if the model has a reference.
    pub(crate) drift: Option<Drift>,
    model: Model,
    sessions: Pool<Session>,
    /// The session for work that runs alone, which has several threads.
    wide: Pool<Session>,
    explainers: Pool<Explainer>,
    /// The work in progress on all models.
    running: Arc<AtomicUsize>,
}

impl LoadedModel {
    /// Runs `work` with a session of its own. If nothing else runs, that session uses the processors of the other workers.
    pub(crate) fn run<T>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, pet_predict::Error>,
    ) -> Result<T, pet_predict::Error> {
        let running = Running::start(&self.running);
        if let Some(wide) = running.is_alone.then(|| self.wide.take()).flatten() {
            return self.wide.lend(wide, work);
        }
        let session = self.sessions.take().map_or_else(|| self.model.session(), Ok)?;
        self.sessions.lend(session, work)
    }

    /// Creates a session for each of the `workers` at the same time, so that no request has to wait for one. If there are
    /// several, the served model also gets the one for work that runs alone; the others do not, to save memory.
    fn add_sessions(&self, workers: NonZero<usize>) -> Result<(), pet_predict::Error> {
        let add = || self.model.session().map(|one| self.sessions.put(one));
        std::thread::scope(|scope| {
            let adding: Vec<_> = (0..workers.get()).map(|_| scope.spawn(add)).collect();
            if self.role == Role::Served && workers > NonZero::<usize>::MIN {
                let wide = self.model.session_on(workers.min(MAX_THREADS))?;
                self.wide.put(wide);
            }
            let mut added = adding.into_iter().map(ScopedJoinHandle::join);
            added.try_for_each(|one| one.unwrap_or_else(|panic| resume_unwind(panic)))
        })
    }

    pub(crate) fn explain<T>(
        &self,
        work: impl FnOnce(&mut Explainer) -> Result<T, pet_predict::Error>,
    ) -> Result<T, pet_predict::Error> {
        let _running = Running::start(&self.running);
        let explainer = self.explainers.take();
        let explainer = explainer.map_or_else(|| Explainer::new(&self.model), Ok)?;
        self.explainers.lend(explainer, work)
    }

    pub(crate) fn metadata(&self) -> &ModelMetadata {
        self.model.metadata()
    }

    pub(crate) fn labels(&self) -> ModelLabels<'_> {
        ModelLabels { name: &self.name, metadata: self.metadata(), role: self.role }
    }

    pub(crate) fn log(&self, message: &str) {
        let metadata = self.metadata();
        tracing::info!(
            model = self.name,
            version = metadata.model_version,
            precision = %metadata.precision,
            role = self.role.name(),
            results = %self.results,
            "{message}"
        );
    }

    /// Records in the current span that this model answered.
    pub(crate) fn record_answer(&self) {
        let span = Span::current();
        span.record("model.name", &self.name);
        if let Some(version) = &self.metadata().model_version {
            span.record("model.version", version);
        }
    }
}

/// Work in progress, until it is dropped.
struct Running<'a> {
    count: &'a AtomicUsize,
    /// Whether nothing else was in progress when this started.
    is_alone: bool,
}

impl<'a> Running<'a> {
    fn start(count: &'a AtomicUsize) -> Self {
        Self { count, is_alone: count.fetch_add(1, Ordering::Relaxed) == 0 }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reusable objects, each used by one thread at a time. There are never more of them than threads that ran at the same
/// time. An object whose work panics is dropped, as its state is unknown.
struct Pool<T>(Mutex<Vec<T>>);

impl<T> Pool<T> {
    /// Runs `work` with an object that was taken or made, and puts it back.
    fn lend<U>(&self, mut used: T, work: impl FnOnce(&mut T) -> U) -> U {
        let result = work(&mut used);
        self.put(used);
        result
    }

    fn take(&self) -> Option<T> {
        self.0.lock().pop()
    }

    fn put(&self, unused: T) {
        self.0.lock().push(unused);
    }
}

pub(crate) struct Loader {
    runtime: Runtime,
    options: Options,
    drift_window: usize,
    workers: NonZero<usize>,
    running: Arc<AtomicUsize>,
}

impl Loader {
    pub(crate) fn new(runtime: Runtime, configuration: &Configuration) -> Self {
        let options = Options::default()
            .with_image(configuration.limits)
            .with_precision(configuration.precision);
        Self {
            runtime,
            options,
            drift_window: configuration.drift_window.get(),
            workers: configuration.workers,
            running: Arc::default(),
        }
    }

    /// Loads the model in `results` with its sessions, under its own name unless another is given.
    pub(crate) fn load(
        &self,
        results: &Results,
        role: Role,
        name: Option<&str>,
    ) -> Result<Arc<LoadedModel>, Error> {
        let failed = |source| match role {
            Role::Served => Error::Model { source },
            _ => Error::Successor { role: role.name(), results: results.to_string(), source },
        };
        let model = Model::from_results(&self.runtime, results, &self.options).map_err(failed)?;
        let metadata = model.metadata();
        let reference = metadata.reference.clone();
        // Named models have no drift: the metric has no label for them.
        let reference = reference.filter(|_| role.has_served_classes());
        let loaded = LoadedModel {
            name: name.unwrap_or(&metadata.model_name).to_owned(),
            role,
            results: results.clone(),
            loaded_at: SystemTime::now(),
            drift: reference.map(|reference| Drift::new(reference, self.drift_window)),
            model,
            sessions: Pool(Mutex::default()),
            wide: Pool(Mutex::default()),
            explainers: Pool(Mutex::default()),
            running: self.running.clone(),
        };
        // The shadow's only thread creates its session when it first needs it.
        if role != Role::Shadow {
            loaded.add_sessions(self.workers).map_err(failed)?;
        }
        Ok(Arc::new(loaded))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use pet_tests::{colours_results, runtime};
    use tempfile::TempDir;

    use super::*;

    /// A model in a folder, and what loads it for two workers.
    pub(crate) fn model_for_two_workers() -> Option<(TempDir, Loader)> {
        let runtime = runtime()?;
        let place = tempfile::tempdir().unwrap();
        colours_results(place.path(), 1.0);
        let configuration =
            Configuration { workers: NonZero::new(2).unwrap(), ..Configuration::default() };
        Some((place, Loader::new(runtime, &configuration)))
    }

    #[test]
    fn each_worker_has_a_session_and_work_that_runs_alone_the_wide_one() {
        let Some((place, loader)) = model_for_two_workers() else {
            return;
        };
        let load = |role| loader.load(&place.path().into(), role, None).unwrap();
        let (served, named) = (load(Role::Served), load(Role::Named));
        let count =
            |model: &LoadedModel| (model.sessions.0.lock().len(), model.wide.0.lock().len());
        let idle = || [count(&served), count(&named)];
        assert_eq!(idle(), [(2, 1), (2, 0)]);
        assert_eq!(count(&load(Role::Shadow)), (0, 0));
        let alone = served.run(|_| {
            let other = served.run(|_| Ok(idle()))?;
            assert_eq!(other, [(1, 0), (2, 0)]);
            Ok(idle())
        });
        assert_eq!(alone.unwrap(), [(2, 0), (2, 0)]);
        let beside = named.run(|_| served.run(|_| Ok(idle())));
        assert_eq!(beside.unwrap(), [(1, 1), (1, 0)]);
        assert_eq!(idle(), [(2, 1), (2, 0)]);
    }
}
