//! Real photographs.

use std::collections::BTreeSet;
use std::path::PathBuf;

use pet_data::oxford::class_names;
use pet_predict::{Error, Prediction};
use pet_tests::{breed_of, photographs, results_are_committed};

use crate::support::predictors;

/// Correct predictions of the 76 photographs, most of which were not in the training set at this size.
const RIGHT_AT_LEAST: usize = 60;

#[test]
fn photographs_at_original_size_are_predicted() {
    let Some(photographs) = photographs() else { return };
    for predictor in predictors() {
        for photograph in photographs.iter().step_by(19) {
            let prediction = predictor.predict(&fs_err::read(photograph).unwrap()).unwrap();
            assert!(prediction.confidence() > 0.0, "{}", photograph.display());
        }
    }
}

#[test]
fn photographs_show_breeds_of_the_data_set() {
    let Some(photographs) = photographs() else { return };
    let shown: BTreeSet<String> = photographs.iter().map(|file| breed_of(file)).collect();
    assert_eq!(shown, class_names().map(str::to_owned).into());
}

#[test]
fn committed_model_recognizes_breeds() {
    let Some(photographs) = photographs().filter(|_| results_are_committed()) else { return };
    let Some(predictor) = predictors().pop() else { return };
    let contents: Vec<_> = photographs.iter().map(|file| fs_err::read(file).unwrap()).collect();
    let answers = predictor.predict_batch(&contents);
    let is_right = |(file, answer): &(&PathBuf, Result<Prediction, Error>)| {
        answer.as_ref().unwrap().predicted_class() == breed_of(file)
    };
    let right = photographs.iter().zip(answers).filter(is_right).count();
    assert!(right >= RIGHT_AT_LEAST, "{right} of {} are right", photographs.len());
}
