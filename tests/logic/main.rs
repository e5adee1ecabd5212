//! The predictor.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

use candle_core::{Device, Module, Tensor};
use pet_data::oxford::class_names;
use pet_image::{Format, Preprocess, Resize};
use pet_model::ModelMetadata;
use pet_predict::{Error, ImagePredictor, Options, Prediction};
use pet_tests::{
    HUGE_PNG, breed_of, classifier_weights, gradient, metadata, photographs, results,
    results_are_committed, results_folder, runtime, sample_pictures, tensors, truncated_jpeg,
};
use pet_train::Classifier;

const THREADS: usize = 8;

/// Correct predictions of the 76 photographs, most of which were not in the training set at this size.
const RIGHT_AT_LEAST: usize = 60;

/// The model of the results folder, and a stand-in.
fn predictors() -> Vec<ImagePredictor> {
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
fn stand_in() -> Option<ImagePredictor> {
    let runtime = runtime()?;
    let place = tempfile::tempdir().unwrap();
    results_folder(place.path());
    Some(ImagePredictor::load(&runtime, place.path(), &Options::default()).unwrap())
}

#[test]
fn predictions_are_distributions() {
    for predictor in predictors() {
        let classes = &predictor.metadata().classes;
        for picture in sample_pictures(3) {
            let prediction = predictor.predict(&picture).unwrap();
            assert_eq!(prediction.classes(), classes);
            assert!(classes.iter().any(|class| class == prediction.predicted_class()));
            let probabilities = prediction.probabilities();
            assert_eq!(probabilities.len(), classes.len());
            assert!(probabilities.iter().all(|share| (0.0..=1.0).contains(share)));
            let sum: f32 = probabilities.iter().sum();
            assert!((sum - 1.0).abs() < 1e-5, "{sum}");
        }
    }
}

#[test]
fn top_classes_are_sorted_and_sum_to_at_most_one() {
    for predictor in predictors() {
        let prediction = predictor.predict(&sample_pictures(1)[0]).unwrap();
        for count in [1, 3, 5, 1000] {
            let best = prediction.top_k(count);
            assert_eq!(best.len(), count.min(predictor.metadata().classes.len()));
            assert!(best.is_sorted_by(|one, other| one.probability >= other.probability));
            let names: HashSet<_> = best.iter().map(|one| one.class).collect();
            assert_eq!(names.len(), best.len(), "a class is listed twice");
            let sum: f32 = best.iter().map(|one| one.probability).sum();
            assert!(sum <= 1.0 + 1e-5, "{sum}");
            assert_eq!(best[0].class, prediction.predicted_class());
            let confidence = prediction.confidence();
            assert_eq!(best[0].probability.to_bits(), confidence.to_bits());
        }
    }
}

#[test]
fn predictions_are_deterministic() {
    for predictor in predictors() {
        let picture = &sample_pictures(1)[0];
        let first = predictor.predict(picture).unwrap();
        for _ in 0..3 {
            assert_eq!(predictor.predict(picture).unwrap().probabilities(), first.probabilities());
        }
    }
}

#[test]
fn batch_equals_single_predictions_bit_for_bit() {
    for predictor in predictors() {
        let pictures = sample_pictures(7);
        let batch = predictor.predict_batch(&pictures);
        assert_eq!(batch.len(), pictures.len());
        for (picture, answer) in pictures.iter().zip(batch) {
            let single = predictor.predict(picture).unwrap();
            assert_eq!(answer.unwrap().probabilities(), single.probabilities());
        }
        assert!(predictor.predict_batch::<Vec<u8>>(&[]).is_empty());
    }
}

#[test]
fn different_images_get_different_predictions() {
    let Some(predictor) = stand_in() else { return };
    let answers = predictor.predict_batch(&sample_pictures(6));
    let answers = answers.into_iter().map(|answer| answer.unwrap().probabilities().to_vec());
    let answers: Vec<Vec<f32>> = answers.collect();
    for (at, answer) in answers.iter().enumerate() {
        assert!(!answers[..at].contains(answer), "picture {at} is answered as one before it");
    }
}

#[test]
fn threads_get_the_same_predictions() {
    let Some(predictor) = stand_in() else { return };
    let pictures = sample_pictures(4);
    let answer = |picture: &Vec<u8>| predictor.predict(picture).unwrap().probabilities().to_vec();
    let expected: Vec<Vec<f32>> = pictures.iter().map(answer).collect();
    std::thread::scope(|scope| {
        let work = |first: usize| {
            let (pictures, expected, answer) = (&pictures, &expected, &answer);
            move || {
                for at in (0..pictures.len()).map(|at| (first + at) % pictures.len()) {
                    assert_eq!(answer(&pictures[at]), expected[at]);
                }
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|first| scope.spawn(work(first))).collect();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn model_has_a_known_recipe() {
    let crop = |resize, size| Resize::CenterCrop { resize, size };
    let resizes = [Resize::Stretch { size: 224 }, crop(256, 224), crop(208, 208)];
    for predictor in predictors() {
        let recipe = predictor.metadata().preprocess.clone();
        let offered = resizes.map(|resize| Preprocess { resize, ..Preprocess::imagenet() });
        assert!(offered.contains(&recipe), "{recipe:?}");
    }
}

/// Compares the serving path with the training path.
#[test]
fn served_probability_equals_that_of_the_trained_network() {
    let Some(runtime) = runtime() else { return };
    let place = tempfile::tempdir().unwrap();
    results_folder(place.path());
    let predictor = ImagePredictor::load(&runtime, place.path(), &Options::default()).unwrap();
    let ModelMetadata { classes, preprocess, .. } = metadata();
    let classifier = Classifier::new(&classifier_weights(7), classes.len()).unwrap();
    for picture in sample_pictures(3) {
        let tensor = tensors(&preprocess, &[&picture]);
        let size = preprocess.size() as usize;
        let tensor = Tensor::from_vec(tensor, (1, 3, size, size), &Device::Cpu).unwrap();
        let logits: Vec<f32> =
            classifier.forward(&tensor).unwrap().squeeze(0).unwrap().to_vec1().unwrap();
        let served = predictor.predict(&picture).unwrap();
        // The logarithm of a ratio of probabilities is a difference of logits.
        let share = served.probabilities();
        for (class, logit) in logits.iter().enumerate() {
            let got = (share[class] / share[0]).ln();
            assert!((got - (logit - logits[0])).abs() < 1e-3, "{got} {}", logit - logits[0]);
        }
    }
}

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
