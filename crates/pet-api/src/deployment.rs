//! The served model and its successors.

use std::sync::Arc;

use pet_model::{Results, class_difference};

use crate::configuration::{Configuration, Successor};
use crate::error::Error;
use crate::loaded_model::{LoadedModel, Loader, Role};
use crate::traffic_split::TrafficSplit;

/// The served model with its successors, which are loaded and replaced together.
#[derive(Clone)]
pub(crate) struct Deployment {
    /// The models that answer.
    pub(crate) split: TrafficSplit,
    /// The model whose predictions are only compared.
    pub(crate) shadow: Option<Arc<LoadedModel>>,
}

impl Deployment {
    /// Loads the models that are configured.
    pub(crate) fn load(loader: &Loader, configuration: &Configuration) -> Result<Self, Error> {
        let primary = loader.load(&configuration.results, Role::Served, None);
        let primary = primary.map_err(|source| Error::Model { source })?;
        let load = |role: Role, next: &Successor| {
            let loaded = successor(loader, &next.results, role, &primary)?;
            Ok((loaded, next.share))
        };
        let Configuration { canary, shadow, .. } = configuration;
        let (canary, shadow) = (canary.as_ref(), shadow.as_ref());
        let canary = canary.map(|next| load(Role::Canary, next)).transpose()?;
        let shadow = shadow.map(|next| load(Role::Shadow, next)).transpose()?;
        Ok(Self {
            split: TrafficSplit::new(primary, canary),
            shadow: shadow.map(|(shadow, _)| shadow),
        })
    }

    /// Every model.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<LoadedModel>> {
        self.split.all().chain(&self.shadow)
    }
}

/// Loads a candidate to replace `primary`, which must have the same classes.
fn successor(
    loader: &Loader,
    results: &Results,
    role: Role,
    primary: &LoadedModel,
) -> Result<Arc<LoadedModel>, Error> {
    let successor = loader.load(results, role, None);
    let successor = successor.map_err(|source| Error::successor(role, results, source))?;
    let (expected, got) = (&primary.metadata().classes, &successor.metadata().classes);
    let Some(difference) = class_difference(expected, got) else {
        return Ok(successor);
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
