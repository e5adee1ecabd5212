//! The models that `pet-cli serve` runs besides the served one.

use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;
use pet_api::{Configuration, ModelFolder, Share, Successor};

use crate::arguments::{count, folder, some_folder};

/// The models besides the served one.
#[derive(Args)]
pub(crate) struct ModelArguments {
    /// Also predict the same photos with the model in this folder while the service is otherwise idle, without
    /// returning the results, and count in the metrics how often it agrees; `DIR=25%` for a quarter of the photos
    #[arg(long, env = "PET_SHADOW", value_name = "DIR[=SHARE%]", value_parser = shadow)]
    shadow: Option<SharedModel>,
    /// Answer a share of the photos with the model in this folder, such as `next=5%`; a photo is always answered by the
    /// same model
    #[arg(long, env = "PET_CANARY", value_name = "DIR=SHARE%", value_parser = canary)]
    canary: Option<SharedModel>,
    /// Also serve the models in this folder, each under the name of its subfolder: `/predict?model=NAME`. With the
    /// admin token, they can be loaded and unloaded while the service runs
    #[arg(long, env = "PET_MODELS", value_name = "DIR", value_parser = folder())]
    models: Option<PathBuf>,
    /// Maximum number of these models loaded at a time, for which memory is reserved [default: the number at the start
    /// plus one]
    #[arg(long, env = "PET_MAX_MODELS", value_name = "COUNT", value_parser = count)]
    max_models: Option<NonZero<usize>>,
}

/// A folder with a share; `None` for an empty environment variable.
type SharedModel = Option<(PathBuf, Share)>;

impl ModelArguments {
    /// Adds the models to the configuration of the service.
    pub(crate) fn add_to(&self, configuration: &mut Configuration) -> Result<(), pet_api::Error> {
        configuration.shadow = successor(self.shadow.as_ref());
        configuration.canary = successor(self.canary.as_ref());
        let folder = some_folder(self.models.as_ref());
        let folder = folder.map(|folder| ModelFolder::new(folder, self.max_models));
        configuration.models = folder.transpose()?;
        Ok(())
    }
}

fn successor(named: Option<&SharedModel>) -> Option<Successor> {
    let (folder, share) = named?.clone()?;
    Some(Successor { results: folder.into(), share })
}

/// Parses `DIR` or `DIR=SHARE%`.
fn shadow(text: &str) -> Result<SharedModel, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.rsplit_once('=') {
        Some((folder, share)) if share.ends_with('%') => with_share(folder, share).map(Some),
        _ => Ok(Some((text.into(), Share::ALL))),
    }
}

/// Parses `DIR=SHARE%`.
fn canary(text: &str) -> Result<SharedModel, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let (folder, share) = text.rsplit_once('=').unwrap_or((text, ""));
    with_share(folder, share).map(Some)
}

fn with_share(folder: &str, share: &str) -> Result<(PathBuf, Share), String> {
    let percent = share.strip_suffix('%').and_then(|share| share.trim().parse().ok());
    let share = percent.and_then(Share::from_percent);
    let share = share.filter(|_| !folder.is_empty());
    let share =
        share.ok_or("expected a folder and a share from 0.01% to 100%, such as `DIR=5%`")?;
    Ok((folder.into(), share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_can_follow_the_folder() {
        let named =
            |folder: &str, percent| Some((folder.into(), Share::from_percent(percent).unwrap()));
        assert_eq!(shadow("next").unwrap(), named("next", 100.0));
        assert_eq!(shadow("next=25%").unwrap(), named("next", 25.0));
        assert_eq!(shadow("a=b=0.5%").unwrap(), named("a=b", 0.5));
        assert_eq!(shadow("a=b").unwrap(), named("a=b", 100.0));
        assert_eq!(shadow("").unwrap(), None);
        for wrong in ["next=0%", "next=101%", "next=x%", "next=%", "=5%"] {
            assert!(shadow(wrong).is_err() && canary(wrong).is_err(), "{wrong}");
        }
        assert_eq!(canary("a=b=5%").unwrap(), named("a=b", 5.0));
        assert!(canary("next").is_err() && canary("next=5").is_err());
    }
}
