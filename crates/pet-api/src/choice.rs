//! Which model answers a photograph.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::configuration::Share;
use crate::error::{ApiError, Code};
use crate::served::Served;

/// The model that answers, or one of two.
#[derive(Clone)]
pub(crate) struct Choice {
    /// The one that answers unless the other does.
    pub(crate) served: Arc<Served>,
    /// The one that answers a share of the photographs.
    canary: Option<(Arc<Served>, Share)>,
}

impl Choice {
    /// The served model, and the canary beside it.
    pub(crate) fn new(served: Arc<Served>, canary: Option<(Arc<Served>, Share)>) -> Self {
        Self { served, canary }
    }

    /// This model alone.
    pub(crate) fn only(served: Arc<Served>) -> Self {
        Self::new(served, None)
    }

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

    /// Every model that may answer.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Served>> {
        let canary = self.canary.iter().map(|(canary, _)| canary);
        std::iter::once(&self.served).chain(canary)
    }

    /// The versions that may answer.
    pub(crate) fn versions(&self) -> Vec<String> {
        let versions = self.all();
        let versions = versions.filter_map(|served| served.metadata().model_version.clone());
        let mut versions: Vec<_> = versions.collect();
        versions.dedup();
        versions
    }

    /// The model of this version alone.
    pub(crate) fn of_version(&self, version: &str) -> Result<Self, ApiError> {
        let is_it =
            |served: &&Arc<Served>| served.metadata().model_version.as_deref() == Some(version);
        let missing = || {
            let detail = format!(
                "there is no version `{version}` of `{}`",
                self.served.name()
            );
            let served = self.served.metadata().model_version.as_ref();
            let hint = served.map(|served| format!("the served version is `{served}`"));
            ApiError::new(Code::NotFound, detail).with_hint(hint)
        };
        let found = self.all().find(is_it).ok_or_else(missing)?;
        Ok(Self::only(found.clone()))
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
