//! The models of the service, and how others take their place.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use pet_model::Results;
use pet_predict::{Options, Runtime};
use sha2::{Digest, Sha256};

use crate::configuration::{Configuration, Share, Successor};
use crate::error::{ApiError, Code, Error};
use crate::metrics::Metrics;
use crate::served::{Loader, Role, Served};

/// The models that are loaded and replaced together.
#[derive(Clone)]
pub(crate) struct Generation {
    /// Those that answer.
    pub(crate) choice: Choice,
    /// The one that answers again, unseen.
    pub(crate) shadow: Option<Arc<Served>>,
}

/// The model that answers, or one of two.
#[derive(Clone)]
pub(crate) struct Choice {
    /// The one that answers unless the other does.
    pub(crate) served: Arc<Served>,
    /// The one that answers a share of the photographs.
    canary: Option<(Arc<Served>, Share)>,
}

impl Choice {
    /// The model that answers a photograph: always the same for the same photograph, so that nobody needs to be known
    /// again, and an explanation or a correction is of the model that has answered.
    pub(crate) fn for_photograph(&self, photograph: &[u8]) -> Arc<Served> {
        let canary = self.canary.as_ref();
        let canary = canary.filter(|(_, share)| share.holds(position(photograph)));
        canary.map_or(&self.served, |(canary, _)| canary).clone()
    }

    /// Whether an answer may be of one model or of another.
    pub(crate) fn is_open(&self) -> bool {
        self.canary.is_some()
    }

    /// The versions that may answer.
    pub(crate) fn versions(&self) -> Vec<String> {
        let canary = self.canary.as_ref().map(|(canary, _)| canary);
        let versions = std::iter::once(&self.served).chain(canary);
        let versions = versions.filter_map(|served| served.metadata().model_version.clone());
        let mut versions: Vec<_> = versions.collect();
        versions.dedup();
        versions
    }

    /// The model of this name and, if it is given, of this version.
    pub(crate) fn named(self, name: &str, version: Option<&str>) -> Result<Self, ApiError> {
        let canary = self.canary.as_ref().map(|(canary, _)| canary);
        let all = || std::iter::once(&self.served).chain(canary);
        if self.served.name() != name {
            let detail = format!("there is no model `{name}`");
            let hint = format!("the served model is `{}`", self.served.name());
            return Err(ApiError::new(Code::NotFound, detail).with_hint(hint));
        }
        let Some(version) = version else {
            return Ok(self);
        };
        let found =
            all().find(|served| served.metadata().model_version.as_deref() == Some(version));
        let missing = || {
            let detail = format!("there is no version `{version}` of `{name}`");
            let served = self.served.metadata().model_version.as_ref();
            let hint = served.map(|served| format!("the served version is `{served}`"));
            ApiError::new(Code::NotFound, detail).with_hint(hint)
        };
        let served = found.ok_or_else(missing)?.clone();
        Ok(Self {
            served,
            canary: None,
        })
    }
}

/// Bytes at the beginning and at the end of a file that tell it from others. With its length they do, and hashing more of
/// a large one would take longer than reading it from the network.
const TELLING: usize = 32 << 10;

/// Where a photograph lies among all: evenly spread, and always the same on every machine.
fn position(photograph: &[u8]) -> u64 {
    let mut digest = Sha256::new();
    digest.update((photograph.len() as u64).to_le_bytes());
    digest.update(&photograph[..photograph.len().min(TELLING)]);
    digest.update(&photograph[photograph.len().saturating_sub(TELLING)..]);
    let first = digest.finalize().first_chunk().copied();
    u64::from_le_bytes(first.unwrap_or_default())
}

impl Generation {
    /// Every model of it.
    fn all(&self) -> impl Iterator<Item = &Arc<Served>> {
        let canary = self.choice.canary.iter().map(|(canary, _)| canary);
        let served = std::iter::once(&self.choice.served);
        served.chain(canary).chain(&self.shadow)
    }

    /// Says in the log and in the metrics which models there are from now on.
    pub(crate) fn announce(&self, metrics: &Metrics, message: &str) {
        metrics.serves(self.choice.served.metadata());
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
    canary: Option<Successor>,
    shadow: Option<Successor>,
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
        let (canary, shadow) = (configuration.canary.as_ref(), configuration.shadow.as_ref());
        let first = generation(&loader, &configuration.results, canary, shadow)?;
        Ok(Self {
            loader,
            results: configuration.results.clone(),
            canary: canary.cloned(),
            shadow: shadow.cloned(),
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

    /// Those that answer now.
    pub(crate) fn choice(&self) -> Choice {
        let current = self.current.read();
        let current = current.unwrap_or_else(PoisonError::into_inner);
        current.choice.clone()
    }

    /// Loads the models that lie in their folders now, with a session for each worker, and serves them from then on. If
    /// one does not load, those before are served on. Takes a while.
    pub(crate) fn reload(&self) -> Result<Generation, Error> {
        let _one_at_a_time = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let (canary, shadow) = (self.canary.as_ref(), self.shadow.as_ref());
        let next = generation(&self.loader, &self.results, canary, shadow)?;
        for _ in 0..self.workers {
            let prepared = next.choice.served.prepare();
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
    canary: Option<&Successor>,
    shadow: Option<&Successor>,
) -> Result<Generation, Error> {
    let served = loader.load(results, Role::Served);
    let served = served.map_err(|source| Error::Model { source })?;
    let load = |role: Role, next: &Successor| {
        let loaded = successor(loader, &next.results, role, &served)?;
        Ok((loaded, next.share))
    };
    let canary = canary.map(|next| load(Role::Canary, next)).transpose()?;
    let shadow = shadow.map(|next| load(Role::Shadow, next)).transpose()?;
    Ok(Generation {
        choice: Choice { served, canary },
        shadow: shadow.map(|(shadow, _)| shadow),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photographs_are_spread_evenly_and_stay_where_they_are() {
        let photographs = || (0..10_000_u32).map(u32::to_le_bytes);
        let held = |percent| {
            let share = Share::from_percent(percent).unwrap();
            let held = photographs().filter(|bytes| share.holds(position(bytes)));
            held.collect::<Vec<_>>()
        };
        let (few, many) = (held(5.0), held(10.0));
        assert!((400..600).contains(&few.len()), "{}", few.len());
        assert!((850..1150).contains(&many.len()), "{}", many.len());
        // A larger share keeps what the smaller one had.
        assert!(few.iter().all(|photograph| many.contains(photograph)));
        assert_eq!(held(100.0).len(), 10_000);
    }

    #[test]
    fn beginning_end_and_length_tell_photographs_apart() {
        let one = vec![0; 3 * TELLING];
        let mut others = [one.clone(), one.clone(), one.clone()];
        others[0][0] = 1;
        others[1][3 * TELLING - 1] = 1;
        others[2].push(0);
        for other in others {
            assert_ne!(position(&one), position(&other));
        }
        assert_eq!(position(&one), position(&one.clone()));
        position(b"");
    }
}
