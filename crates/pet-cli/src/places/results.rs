//! The model to use.

use std::path::Path;

use pet_model::{INT8_MODEL_FILE, MODEL_FILE, Results};

use super::{Places, built_in};
use crate::failure::Failure;

pub(super) const FOLDER: &str = "results";

/// The given model, or else the first one that is found, or else the built-in one.
pub(crate) fn find_results(places: &Places, given: Option<&Path>) -> Result<Results, Failure> {
    if let Some(given) = given {
        return Ok(given.into());
    }
    let folders = places.all_results();
    // Another folder could have this name.
    let found = folders.iter().find(|folder| has_model(folder));
    let found = found.map(Results::from);
    found.or_else(built_in::results).ok_or_else(|| {
        let searched = folders.iter().map(|folder| folder.display().to_string());
        Failure::NoModel { searched: searched.collect() }
    })
}

fn has_model(folder: &Path) -> bool {
    let mut names = [MODEL_FILE, INT8_MODEL_FILE].into_iter();
    names.any(|name| folder.join(name).is_file())
}
