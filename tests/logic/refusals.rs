//! What gets no prediction.

use pet_image::Format;
use pet_predict::{Error, ImagePredictor, Options};
use pet_tests::{HUGE_PNG, gradient, metadata, results_folder, runtime, truncated_jpeg};

use crate::support::stand_in;

#[test]
fn pictures_that_are_none_are_refused_and_spoil_no_other() {
    let Some(predictor) = stand_in("pictures_that_are_none_are_refused_and_spoil_no_other") else {
        return;
    };
    let good = gradient(40, 30, Format::Png);
    let bad = [
        Vec::new(),
        truncated_jpeg(),
        b"this is a text".to_vec(),
        HUGE_PNG.to_vec(),
    ];
    let expected = predictor.predict(&good).unwrap();
    for bad in bad {
        let answers = predictor.predict_batch(&[&good, &bad, &good]);
        let [Ok(before), Err(Error::Image { .. }), Ok(after)] = &answers[..] else {
            panic!("{answers:?}")
        };
        assert_eq!(before.probabilities(), expected.probabilities());
        assert_eq!(after.probabilities(), expected.probabilities());
    }
}

#[test]
fn a_missing_model_is_an_error_that_names_it() {
    let Some(runtime) = runtime("a_missing_model_is_an_error_that_names_it") else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    for path in [
        place.path().to_owned(),
        place.path().join("model.onnx"),
        "/nowhere/results".into(),
    ] {
        let error = ImagePredictor::load(&runtime, &path, &Options::default()).unwrap_err();
        assert!(matches!(error, Error::NoModel { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(&*path.to_string_lossy()), "{text}");
        assert!(error.hint().unwrap().contains("export a model"));
    }
}

#[test]
fn a_model_file_alone_is_enough() {
    let Some(runtime) = runtime("a_model_file_alone_is_enough") else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    results_folder(place.path());
    let file = place.path().join(pet_model::MODEL_FILE);
    fs_err::remove_file(place.path().join(pet_model::CLASSES_FILE)).unwrap();
    let predictor = ImagePredictor::load(&runtime, &file, &Options::default()).unwrap();
    assert_eq!(*predictor.metadata(), metadata());
    predictor.predict(&gradient(9, 9, Format::Bmp)).unwrap();
}
