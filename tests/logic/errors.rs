//! Errors.

use pet_image::Format;
use pet_predict::{Error, ImagePredictor, Options};
use pet_tests::{HUGE_PNG, gradient, metadata, results_folder, runtime, truncated_jpeg};

use crate::support::stand_in;

#[test]
fn invalid_images_are_rejected_and_do_not_affect_others() {
    let Some(predictor) = stand_in() else { return };
    let good = gradient(40, 30, Format::Png);
    let bad = [Vec::new(), truncated_jpeg(), b"this is a text".to_vec(), HUGE_PNG.to_vec()];
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
fn missing_model_is_named_in_the_error() {
    let Some(runtime) = runtime() else { return };
    let place = tempfile::tempdir().unwrap();
    for path in
        [place.path().to_owned(), place.path().join("model.onnx"), "/nowhere/results".into()]
    {
        let error = ImagePredictor::load(&runtime, &path, &Options::default()).unwrap_err();
        assert!(matches!(error, Error::NoModel { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(&*path.to_string_lossy()), "{text}");
        assert!(error.hint().unwrap().contains("export a model"));
    }
}

#[test]
fn model_file_is_sufficient() {
    let Some(runtime) = runtime() else { return };
    let place = tempfile::tempdir().unwrap();
    results_folder(place.path());
    let file = place.path().join(pet_model::MODEL_FILE);
    fs_err::remove_file(place.path().join(pet_model::CLASSES_FILE)).unwrap();
    let predictor = ImagePredictor::load(&runtime, &file, &Options::default()).unwrap();
    assert_eq!(*predictor.metadata(), metadata());
    predictor.predict(&gradient(9, 9, Format::Bmp)).unwrap();
}
