//! The served model with its successors, and which of them answers a photograph.

use std::sync::Arc;

use pet_model::class_difference;
use sha2::{Digest, Sha256};

use crate::configuration::{Configuration, Role, Share, Successor};
use crate::error::{ApiError, Code, Error};
use crate::loaded_model::{LoadedModel, Loader};

/// The served model with its successors, which are loaded and replaced together.
#[derive(Clone)]
pub(crate) struct Deployment {
    /// The models that answer.
    pub(crate) split: TrafficSplit,
    /// The model whose predictions are only compared.
    pub(crate) shadow: Option<Arc<LoadedModel>>,
}

impl Deployment {
    pub(crate) fn load(loader: &Loader, configuration: &Configuration) -> Result<Self, Error> {
        let primary = loader.load(&configuration.results, Role::Served, None)?;
        let load = |next: &Option<Successor>, role| {
            let next = next.as_ref();
            next.map(|next| load_successor(loader, next, role, &primary)).transpose()
        };
        let canary = load(&configuration.canary, Role::Canary)?;
        let shadow = load(&configuration.shadow, Role::Shadow)?;
        Ok(Self {
            split: TrafficSplit { primary, canary },
            shadow: shadow.map(|(shadow, _)| shadow),
        })
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<LoadedModel>> {
        self.split.all().chain(&self.shadow)
    }
}

/// Loads a candidate to replace `primary`, which must have the same classes.
fn load_successor(
    loader: &Loader,
    Successor { results, share }: &Successor,
    role: Role,
    primary: &LoadedModel,
) -> Result<(Arc<LoadedModel>, Share), Error> {
    let successor = loader.load(results, role, None)?;
    let (expected, got) = (&primary.metadata().classes, &successor.metadata().classes);
    let Some(difference) = class_difference(expected, got) else {
        return Ok((successor, *share));
    };
    let (expected, got) = difference.names();
    Err(Error::Classes {
        role: role.name(),
        results: results.to_string(),
        number: difference.index,
        expected,
        got,
    })
}

/// A model, and possibly a canary that answers a share of the photographs in its place.
#[derive(Clone)]
pub(crate) struct TrafficSplit {
    pub(crate) primary: Arc<LoadedModel>,
    canary: Option<(Arc<LoadedModel>, Share)>,
}

impl TrafficSplit {
    /// A model without a canary.
    pub(crate) fn only(primary: Arc<LoadedModel>) -> Self {
        Self { primary, canary: None }
    }

    /// The model for a photograph. It is always the same for the same photograph, so that clients need no identity, and
    /// an explanation or a correction uses the model that made the prediction.
    pub(crate) fn for_photograph(&self, photograph: &[u8]) -> Arc<LoadedModel> {
        let canary = self.canary.as_ref();
        let canary = canary.filter(|(_, share)| share.contains(hash(photograph)));
        canary.map_or(&self.primary, |(canary, _)| canary).clone()
    }

    pub(crate) fn has_canary(&self) -> bool {
        self.canary.is_some()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<LoadedModel>> {
        let canary = self.canary.iter().map(|(canary, _)| canary);
        std::iter::once(&self.primary).chain(canary)
    }

    pub(crate) fn versions(&self) -> Vec<String> {
        let models = self.all();
        let versions = models.filter_map(|model| model.metadata().model_version.clone());
        let mut versions: Vec<_> = versions.collect();
        versions.dedup();
        versions
    }

    /// Only the model of this version.
    pub(crate) fn of_version(&self, version: &str) -> Result<Self, ApiError> {
        let has_version =
            |model: &&Arc<LoadedModel>| model.metadata().model_version.as_deref() == Some(version);
        let missing = || {
            let detail = format!("version `{version}` of `{}` does not exist", self.primary.name);
            let served = self.primary.metadata().model_version.as_ref();
            let hint = served.map(|served| format!("the served version is `{served}`"));
            ApiError::new(Code::NotFound, detail).with_optional_hint(hint)
        };
        let found = self.all().find(has_version).ok_or_else(missing)?;
        Ok(Self::only(found.clone()))
    }
}

/// Bytes at the start and at the end of a file that are hashed. With its length they identify a photograph, and hashing all
/// of a large one would take longer than receiving it.
const HASHED_BYTES: usize = 32 << 10;

/// A uniformly distributed hash, the same on every machine.
fn hash(photograph: &[u8]) -> u64 {
    let mut digest = Sha256::new();
    digest.update((photograph.len() as u64).to_le_bytes());
    digest.update(&photograph[..photograph.len().min(HASHED_BYTES)]);
    digest.update(&photograph[photograph.len().saturating_sub(HASHED_BYTES)..]);
    let first = digest.finalize().first_chunk().copied();
    u64::from_le_bytes(first.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photographs_are_split_evenly_and_larger_shares_contain_smaller_ones() {
        let photographs = || (0..10_000_u32).map(u32::to_le_bytes);
        let selected = |percent| {
            let share = Share::from_percent(percent).unwrap();
            let selected = photographs().filter(|bytes| share.contains(hash(bytes)));
            selected.collect::<Vec<_>>()
        };
        let (few, many) = (selected(5.0), selected(10.0));
        assert!((400..600).contains(&few.len()), "{}", few.len());
        assert!((850..1150).contains(&many.len()), "{}", many.len());
        assert!(few.iter().all(|photograph| many.contains(photograph)));
        assert_eq!(selected(100.0).len(), 10_000);
    }

    #[test]
    fn hash_depends_on_start_end_and_length() {
        let one = vec![0; 3 * HASHED_BYTES];
        let mut others = [one.clone(), one.clone(), one.clone()];
        others[0][0] = 1;
        others[1][3 * HASHED_BYTES - 1] = 1;
        others[2].push(0);
        for other in others {
            assert_ne!(hash(&one), hash(&other));
        }
        assert_eq!(hash(&one), hash(&one.clone()));
        hash(b"");
    }
}
