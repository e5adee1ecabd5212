//! Predictions of single pictures, of batches, from several threads, and of pictures that show none of the classes.

use std::num::NonZero;

use pet_predict::{Error, ImagePredictor, Model, Options, Precision, Runtime, Session};

use crate::support::{Parts, SIZE, metadata, picture, runtime};

fn predictor(options: &Options) -> Option<ImagePredictor> {
    let runtime = runtime()?;
    let folder = Parts::default().folder();
    Some(ImagePredictor::load(&runtime, folder.path(), options).unwrap())
}

fn pictures() -> Vec<Vec<u8>> {
    let level = |index: u8, factor: u8| index.wrapping_mul(factor);
    (0..30).map(|index| picture([level(index, 37), level(index, 91), level(index, 151)])).collect()
}

#[test]
fn the_class_and_its_probability_are_right() {
    let Some(predictor) = predictor(&Options::default()) else { return };
    let prediction = predictor.predict(&picture([0, 255, 51])).unwrap();
    assert_eq!(prediction.predicted_class(), "green");
    // Means 0, 1 and 0.2 times 4, through the softmax.
    let exponentials = [0.0_f64, 4.0, 0.8].map(f64::exp);
    let sum: f64 = exponentials.iter().sum();
    for (got, expected) in prediction.probabilities().iter().zip(exponentials) {
        assert!((f64::from(*got) - expected / sum).abs() < 1e-6, "{got} {}", expected / sum);
    }
    let names: Vec<_> = prediction.top_k(2).iter().map(|best| best.class.to_owned()).collect();
    assert_eq!(names, ["green", "blue"]);
    assert!(prediction.timing().inference.as_nanos() > 0);
    assert_eq!(predictor.metadata().model_version.as_deref(), Some("7"));
}

#[test]
fn a_batch_equals_its_singles() {
    let options = Options::default().with_sessions(NonZero::new(3).unwrap());
    let Some(predictor) = predictor(&options) else { return };
    let pictures = pictures();
    let batch = predictor.predict_batch(&pictures);
    assert_eq!(batch.len(), pictures.len());
    for (picture, together) in pictures.iter().zip(batch) {
        let alone = predictor.predict(picture).unwrap();
        assert_eq!(together.unwrap().probabilities(), alone.probabilities());
    }
    assert!(predictor.predict_batch::<Vec<u8>>(&[]).is_empty());
}

#[test]
fn a_bad_picture_spoils_no_other() {
    let Some(predictor) = predictor(&Options::default()) else { return };
    let red = picture([200, 0, 0]);
    let cut = &red[..red.len() / 2];
    let answers = predictor.predict_batch(&[&red[..], b"a text", b"", cut, &red[..]]);
    for bad in &answers[1..4] {
        assert!(matches!(bad, Err(Error::Image { .. })), "{bad:?}");
    }
    for good in [&answers[0], &answers[4]] {
        assert_eq!(good.as_ref().unwrap().predicted_class(), "red");
    }
}

#[test]
fn many_threads_share_few_sessions() {
    let options = Options::default().with_sessions(NonZero::new(2).unwrap());
    let Some(predictor) = predictor(&options) else { return };
    let pictures = pictures();
    let expected: Vec<_> =
        pictures.iter().map(|picture| predictor.predict(picture).unwrap()).collect();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for (picture, expected) in pictures.iter().zip(&expected) {
                    let got = predictor.predict(picture).unwrap();
                    assert_eq!(got.probabilities(), expected.probabilities());
                }
            });
        }
    });
}

/// On the committed models, whose convolutions are large enough to be divided.
#[test]
fn the_number_of_threads_changes_no_bit() {
    let Some(runtime) = runtime() else { return };
    let results = concat!(env!("CARGO_MANIFEST_DIR"), "/../../results");
    for precision in [Precision::Fp32, Precision::Int8] {
        let options = Options::default().with_precision(Some(precision));
        let model = Model::load(&runtime, results, &options).unwrap();
        let mut narrow = model.session().unwrap();
        for threads in [2, 4] {
            let mut wide = model.session_on(NonZero::new(threads).unwrap()).unwrap();
            for picture in pictures() {
                let expected = narrow.predict(&picture).unwrap();
                let got = wide.predict(&picture).unwrap();
                assert_eq!(got.probabilities(), expected.probabilities());
            }
        }
    }
}

#[test]
fn worker_threads_own_sessions_of_one_model() {
    let Some(runtime) = runtime() else { return };
    let folder = Parts::default().folder();
    let model = Model::load(&runtime, folder.path(), &Options::default()).unwrap();
    let sessions: Vec<_> = (0..3).map(|_| model.session().unwrap()).collect();
    drop(folder);
    let workers = sessions.into_iter().map(|mut session| {
        std::thread::spawn(move || {
            let classes = [[255, 0, 0], [0, 255, 0], [0, 0, 255]].map(|colour| {
                session.predict(&picture(colour)).unwrap().predicted_class().to_owned()
            });
            assert_eq!(classes, ["red", "green", "blue"]);
        })
    });
    workers.for_each(|worker| worker.join().unwrap());
}

#[test]
fn tensors_are_run_in_batches() {
    let Some(predictor) = predictor(&Options::default()) else { return };
    let one = 3 * SIZE * SIZE;
    let tensor: Vec<_> = (0..4 * one).map(|index| (index % 97) as f32 / 97.0).collect();
    let logits = predictor.run_tensor(&tensor, 4).unwrap();
    assert_eq!(logits.len(), 12);
    for (image, together) in tensor.chunks(one).zip(logits.chunks(3)) {
        for (alone, together) in predictor.run_tensor(image, 1).unwrap().iter().zip(together) {
            assert!((alone - together).abs() < 1e-6, "{alone} {together}");
        }
    }
    let error = predictor.run_tensor(&tensor, 3).unwrap_err();
    assert_eq!(error.to_string(), "a batch of 3 needs 576 numbers, got 768");
    assert!(matches!(predictor.run_tensor(&[], 0), Err(Error::TensorLength { .. })));
    assert!(matches!(predictor.run_tensor(&tensor, usize::MAX), Err(Error::TensorLength { .. })));
}

#[test]
fn numbers_that_are_none_are_no_prediction() {
    let Some(runtime) = runtime() else { return };
    let mut parts = Parts::default();
    parts.weight[4] = f32::NAN;
    let folder = parts.folder();
    let predictor = ImagePredictor::load(&runtime, folder.path(), &Options::default()).unwrap();
    let error = predictor.predict(&picture([1, 2, 3])).unwrap_err();
    assert_eq!(error.to_string(), "the model should return finite numbers, got NaN");
}

#[test]
fn a_decoded_photograph_is_predicted_like_its_file() {
    let Some(predictor) = predictor(&Options::default()) else { return };
    let file = picture([0, 200, 51]);
    let decoded = pet_image::decode(&file, &pet_image::Limits::default()).unwrap();
    let from_pixels = predictor.predict_image(&decoded.image).unwrap();
    let from_bytes = predictor.predict(&file).unwrap();
    assert_eq!(from_pixels.probabilities(), from_bytes.probabilities());
    assert!(from_pixels.timing().decode.is_zero());
    let empty = predictor.predict_image(&pet_predict::RgbImage::new(0, 0));
    assert!(matches!(empty, Err(Error::Image { .. })), "{empty:?}");
}

/// A model that answers similarities, or says that it does, or both.
fn parts(answers: bool, least: Option<f64>) -> Parts {
    let mut metadata = metadata(&["red", "green", "blue"]);
    metadata.least_similarity = least;
    Parts {
        similarity: answers,
        metadata: metadata.to_properties().unwrap().into_iter().collect(),
        ..Parts::default()
    }
}

fn load(runtime: &Runtime, parts: Parts) -> Result<Session, Error> {
    Model::load(runtime, parts.folder().path(), &Options::default())?.session()
}

#[test]
fn outliers_are_detected() {
    let Some(runtime) = runtime() else { return };
    let mut session = load(&runtime, parts(true, Some(0.9))).unwrap();
    let mut ask = |colour| {
        let prediction = session.predict(&picture(colour)).unwrap();
        (prediction.is_known(), prediction.similarity().unwrap())
    };
    let (known, similarity) = ask([200, 0, 0]);
    assert_eq!(known, Some(true), "however dark");
    assert!((similarity - 1.0).abs() < 1e-6, "{similarity}");
    let (known, similarity) = ask([200, 200, 0]);
    assert_eq!(known, Some(false), "between two classes");
    assert!((similarity - 0.5_f32.sqrt()).abs() < 1e-6, "{similarity}");
    let (known, similarity) = ask([0, 0, 0]);
    assert_eq!(known, Some(false), "no direction at all");
    assert!((-1.0..=1.0).contains(&similarity), "{similarity}");
}

#[test]
fn a_model_without_examples_does_not_tell() {
    let Some(runtime) = runtime() else { return };
    let mut session = load(&runtime, parts(false, None)).unwrap();
    let prediction = session.predict(&picture([9, 9, 9])).unwrap();
    assert_eq!((prediction.is_known(), prediction.similarity()), (None, None));
}

#[test]
fn an_output_and_its_threshold_go_together() {
    let Some(runtime) = runtime() else { return };
    let refusal = |parts| load(&runtime, parts).unwrap_err().to_string();
    let missing = refusal(parts(false, Some(0.5)));
    assert!(missing.contains("`similarity: f32[any, 3]`"), "{missing}");
    let unread = refusal(parts(true, None));
    assert!(unread.contains("got `output: f32["), "{unread}");
    assert!(unread.contains("`similarity: f32["), "{unread}");
}
