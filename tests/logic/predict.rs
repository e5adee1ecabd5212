//! Predictions of one image and of batches.

use std::collections::HashSet;

use pet_tests::sample_pictures;

use crate::support::{predictors, stand_in};

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
