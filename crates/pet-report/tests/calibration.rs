//! What holds for every temperature and calibration error.

#![expect(clippy::unwrap_used, reason = "a test may unwrap")]

use pet_model::softmax;
use pet_report::{TEMPERATURES, expected_calibration_error, fit_temperature};
use proptest::prelude::*;

/// Rows of logits with their labels.
fn answers() -> impl Strategy<Value = (Vec<Vec<f32>>, Vec<usize>)> {
    (2_usize..8, 1_usize..40).prop_flat_map(|(classes, images)| {
        let row = prop::collection::vec(-12.0_f32..12.0, classes);
        (prop::collection::vec(row, images), prop::collection::vec(0..classes, images))
    })
}

fn loss(logits: &[Vec<f32>], labels: &[usize], temperature: f64) -> f64 {
    let rows = logits.iter().zip(labels);
    let losses = rows.map(|(row, &label)| {
        let largest = row.iter().copied().fold(f32::MIN, f32::max);
        let scaled = |logit: f32| f64::from(logit - largest) / temperature;
        let sum: f64 = row.iter().map(|&logit| scaled(logit).exp()).sum();
        sum.ln() - scaled(row[label])
    });
    losses.sum::<f64>() / labels.len() as f64
}

/// Whether no logit is above that of the right class.
fn all_right(logits: &[Vec<f32>], labels: &[usize]) -> bool {
    let mut rows = logits.iter().zip(labels);
    rows.all(|(row, &label)| row.iter().all(|logit| *logit <= row[label]))
}

fn probabilities(logits: &[Vec<f32>], temperature: f64) -> Vec<Vec<f32>> {
    let rows = logits.iter();
    rows.map(|row| softmax(row, temperature).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_other_temperature_has_a_lower_cross_entropy((logits, labels) in answers()) {
        prop_assume!(!all_right(&logits, &labels));
        let best = fit_temperature(&logits, &labels).unwrap();
        prop_assert!(TEMPERATURES.contains(&best));
        let lowest = loss(&logits, &labels, best);
        for step in 0..=60 {
            let other = TEMPERATURES.start() * (TEMPERATURES.end() / TEMPERATURES.start()).powf(f64::from(step) / 60.0);
            prop_assert!(lowest <= loss(&logits, &labels, other) + 1e-9, "{} against {}", best, other);
        }
    }

    #[test]
    fn logits_twice_as_large_want_twice_the_temperature((logits, labels) in answers()) {
        let double: Vec<Vec<f32>> = logits.iter().map(|row| row.iter().map(|logit| 2.0 * logit).collect()).collect();
        let (once, twice) = (fit_temperature(&logits, &labels).unwrap(), fit_temperature(&double, &labels).unwrap());
        let (low, high) = (*TEMPERATURES.start(), *TEMPERATURES.end());
        let expected = if all_right(&logits, &labels) { 1.0 } else { (2.0 * once).clamp(low, high) };
        prop_assert!((twice - expected).abs() < 1e-6 * twice || once <= low, "{} {}", once, twice);
    }

    #[test]
    fn a_constant_added_to_a_row_changes_nothing((logits, labels) in answers(), shift in -8_i8..8) {
        let shifted: Vec<Vec<f32>> = logits.iter().map(|row| row.iter().map(|logit| logit + f32::from(shift)).collect()).collect();
        let (one, other) = (fit_temperature(&logits, &labels).unwrap(), fit_temperature(&shifted, &labels).unwrap());
        prop_assert!((one - other).abs() < 1e-3 * one, "{} {}", one, other);
    }

    #[test]
    fn scaling_keeps_the_order_and_the_sum((logits, _) in answers(), temperature in 0.1_f64..10.0) {
        for row in &logits {
            let scaled = softmax(row, temperature).unwrap();
            prop_assert!((scaled.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            for (one, other) in row.iter().zip(&scaled).zip(row.iter().zip(&scaled).skip(1)).map(|((a, p), (b, q))| (a > b, p >= q)) {
                prop_assert!(!one || other);
            }
        }
    }

    #[test]
    fn the_error_stays_within_its_bounds((logits, labels) in answers()) {
        let classes = logits[0].len();
        let error = expected_calibration_error(&probabilities(&logits, 1.0), &labels, classes).unwrap();
        prop_assert!((0.0..=1.0).contains(&error), "{}", error);
    }
}

/// 200 images of two classes whose logits are three times as large as their odds: overconfident.
#[test]
fn an_overconfident_classifier_is_mended() {
    let (mut logits, mut labels) = (Vec::new(), Vec::new());
    for (right, odds) in [(60_usize, 0.6_f32), (80, 0.8), (90, 0.9)] {
        for image in 0..100 {
            logits.push(vec![3.0 * (odds / (1.0 - odds)).ln(), 0.0]);
            labels.push(usize::from(image >= right));
        }
    }
    let temperature = fit_temperature(&logits, &labels).unwrap();
    assert!((temperature - 3.0).abs() < 1e-4, "{temperature}");
    let error = |temperature| {
        expected_calibration_error(&probabilities(&logits, temperature), &labels, 2).unwrap()
    };
    assert!(error(1.0) > 0.15, "{}", error(1.0));
    assert!(error(temperature) < 1e-4, "{}", error(temperature));
}
