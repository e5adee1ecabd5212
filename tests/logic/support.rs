//! The predictors under test.

use pet_predict::{ImagePredictor, Options};
use pet_tests::{results, results_folder, runtime};

/// The model of the results folder, and a stand-in.
pub(crate) fn predictors(test: &str) -> Vec<ImagePredictor> {
    let Some(runtime) = runtime(test) else {
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
pub(crate) fn stand_in(test: &str) -> Option<ImagePredictor> {
    let runtime = runtime(test)?;
    let place = tempfile::tempdir().unwrap();
    results_folder(place.path());
    Some(ImagePredictor::load(&runtime, place.path(), &Options::default()).unwrap())
}
