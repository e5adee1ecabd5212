//! The models of the service, and how others take their place.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use pet_model::Results;
use pet_predict::{Options, Runtime};

use crate::configuration::Configuration;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::served::{Loader, Role, Served};

/// The models that are loaded and replaced together.
#[derive(Clone)]
pub(crate) struct Generation {
    /// The one that answers.
    pub(crate) served: Arc<Served>,
    /// The one that answers again, unseen.
    pub(crate) shadow: Option<Arc<Served>>,
}

impl Generation {
    /// Every model of it.
    fn all(&self) -> impl Iterator<Item = &Arc<Served>> {
        std::iter::once(&self.served).chain(&self.shadow)
    }

    /// Says in the log and in the metrics which models there are from now on.
    pub(crate) fn announce(&self, metrics: &Metrics, message: &str) {
        metrics.serves(self.served.metadata());
        metrics
            .models
            .loaded(self.all().map(|served| served.loaded()));
        for served in self.all() {
            let metadata = served.metadata();
            tracing::info!(
                model = metadata.model_name,
                version = metadata.model_version,
                precision = %metadata.precision,
                role = served.loaded().role.name(),
                results = %served.results(),
                "{message}"
            );
        }
    }
}

/// Holds the models and knows where to load the next ones.
pub(crate) struct Models {
    loader: Loader,
    results: Results,
    shadow: Option<Results>,
    workers: usize,
    current: RwLock<Generation>,
    /// Held while models are loaded: one generation at a time.
    loading: Mutex<()>,
}

impl Models {
    /// Loads the first models. The sessions of the served one are made by the workers, so that the first request need
    /// not wait for all of them.
    pub(crate) fn load(runtime: Runtime, configuration: &Configuration) -> Result<Self, Error> {
        let options = Options::default()
            .with_image(configuration.limits)
            .with_precision(configuration.precision);
        let loader = Loader::new(runtime, options, configuration.drift_window.get());
        let results = configuration.results.clone();
        let shadow = configuration.shadow.as_ref();
        let shadow = shadow.map(|successor| successor.results.clone());
        let first = generation(&loader, &results, shadow.as_ref())?;
        Ok(Self {
            loader,
            results,
            shadow,
            workers: configuration.workers.get(),
            current: RwLock::new(first),
            loading: Mutex::new(()),
        })
    }

    /// The models of now.
    pub(crate) fn current(&self) -> Generation {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The model that is served now.
    pub(crate) fn served(&self) -> Arc<Served> {
        let current = self.current.read();
        let current = current.unwrap_or_else(PoisonError::into_inner);
        current.served.clone()
    }

    /// Loads the models that lie in their folders now, with a session for each worker, and serves them from then on. If
    /// one does not load, those before are served on. Takes a while.
    pub(crate) fn reload(&self) -> Result<Generation, Error> {
        let _one_at_a_time = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let next = generation(&self.loader, &self.results, self.shadow.as_ref())?;
        for _ in 0..self.workers {
            let prepared = next.served.prepare();
            prepared.map_err(|source| Error::Model { source })?;
        }
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = next.clone();
        Ok(next)
    }
}

fn generation(
    loader: &Loader,
    results: &Results,
    shadow: Option<&Results>,
) -> Result<Generation, Error> {
    let served = loader.load(results, Role::Served);
    let served = served.map_err(|source| Error::Model { source })?;
    let shadow = shadow.map(|results| successor(loader, results, Role::Shadow, &served));
    Ok(Generation {
        shadow: shadow.transpose()?,
        served,
    })
}

/// Loads a model that may take the place of the served one, so it must tell the same classes apart.
fn successor(
    loader: &Loader,
    results: &Results,
    role: Role,
    served: &Served,
) -> Result<Arc<Served>, Error> {
    let failed = |source| Error::Successor {
        role: role.name(),
        results: results.to_string(),
        source,
    };
    let successor = loader.load(results, role).map_err(failed)?;
    let (expected, got) = (&served.metadata().classes, &successor.metadata().classes);
    if expected == got {
        return Ok(successor);
    }
    let longer = expected.len().max(got.len());
    let differs = (0..longer).find(|&number| expected.get(number) != got.get(number));
    let number = differs.unwrap_or_default();
    let name = |classes: &[String]| {
        let class = classes.get(number);
        class.map_or_else(|| "nothing".into(), |class| format!("`{class}`"))
    };
    Err(Error::Classes {
        role: role.name(),
        results: results.to_string(),
        number,
        expected: name(expected),
        got: name(got),
    })
}
