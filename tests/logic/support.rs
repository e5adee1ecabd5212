//! The predictors under test.

use pet_predict::{ImagePredictor, Options};
use pet_tests::{results, results_folder, runtime};

/// The model of the results folder, and a stand-in.
pub(crate) fn predictors() -> Vec<ImagePredictor> {
    let Some(runtime) = runtime() else {
        return Vec::new();
    };
    let place = tempfile::tempdir().unwrap();
    results_folder(place.path());
    let folders = [place.path(), &results()];
    folders
        .map(|folder| ImagePredictor::load(&runtime, folder, &Options::default()).unwrap())
        .into()
}

/// The stand-in.
pub(crate) fn stand_in() -> Option<ImagePredictor> {
    let runtime = runtime()?;
    let place = tempfile::tempdir().unwrap();
    results_folder(place.path());
    Some(ImagePredictor::load(&runtime, place.path(), &Options::default()).unwrap())
}
