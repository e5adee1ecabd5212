//! The served model and those beside it.

use std::sync::Arc;

use pet_model::Results;

use crate::choice::Choice;
use crate::configuration::Successor;
use crate::error::Error;
use crate::served::{Loader, Role, Served};

/// The served model with its successors, which are loaded and replaced together.
#[derive(Clone)]
pub(crate) struct Generation {
    /// Those that answer.
    pub(crate) choice: Choice,
    /// The one that answers again, unseen.
    pub(crate) shadow: Option<Arc<Served>>,
}

/// Where they lie.
pub(crate) struct Sources {
    pub(crate) results: Results,
    pub(crate) canary: Option<Successor>,
    pub(crate) shadow: Option<Successor>,
}

impl Generation {
    /// Loads all that lie there now.
    pub(crate) fn load(loader: &Loader, sources: &Sources) -> Result<Self, Error> {
        let served = loader.load(&sources.results, Role::Served, None);
        let served = served.map_err(|source| Error::Model { source })?;
        let load = |role: Role, next: &Successor| {
            let loaded = successor(loader, &next.results, role, &served)?;
            Ok((loaded, next.share))
        };
        let (canary, shadow) = (sources.canary.as_ref(), sources.shadow.as_ref());
        let canary = canary.map(|next| load(Role::Canary, next)).transpose()?;
        let shadow = shadow.map(|next| load(Role::Shadow, next)).transpose()?;
        Ok(Self {
            choice: Choice::new(served, canary),
            shadow: shadow.map(|(shadow, _)| shadow),
        })
    }

    /// Every model of it.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.choice.all().chain(&self.shadow)
    }
}

/// Loads a model that may take the place of the served one, so it must tell the same classes apart.
fn successor(
    loader: &Loader,
    results: &Results,
    role: Role,
    served: &Served,
) -> Result<Arc<Served>, Error> {
    let successor = loader.load(results, role, None);
    let successor = successor.map_err(|source| Error::unusable(role, results, source))?;
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
