//! What holds for the figures of every classifier, for every temperature and calibration error.

#![expect(clippy::unwrap_used, reason = "a test may unwrap")]

use pet_model::{SplitMetrics, softmax};
use pet_report::{
    ConfusionMatrix, TEMPERATURES, expected_calibration_error, fit_temperature, measure,
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Answers {
    classes: Vec<String>,
    rows: Vec<Vec<f32>>,
    labels: Vec<usize>,
}

impl Answers {
    fn measure(&self) -> SplitMetrics {
        measure(&self.rows, &self.labels, &self.classes, "").unwrap()
    }

    fn matrix(&self) -> ConfusionMatrix {
        ConfusionMatrix::new(&self.rows, &self.labels, self.classes.len()).unwrap()
    }
}

/// Small whole weights, so that equal probabilities are common.
fn answers() -> impl Strategy<Value = Answers> {
    (1_usize..9, 1_usize..30).prop_flat_map(|(classes, images)| {
        let weights = prop::collection::vec(1_u8..6, classes);
        let row = weights.prop_map(|weights| {
            let sum: f32 = weights.iter().copied().map(f32::from).sum();
            weights.iter().map(|&weight| f32::from(weight) / sum).collect()
        });
        let rows = prop::collection::vec(row, images);
        let labels = prop::collection::vec(0..classes, images);
        let names: Vec<String> = (0..classes).map(|class| format!("class {class}")).collect();
        (rows, labels).prop_map(move |(rows, labels)| Answers {
            classes: names.clone(),
            rows,
            labels,
        })
    })
}

fn assert_close(left: f64, right: f64) {
    assert!((left - right).abs() < 1e-9, "{left} and {right}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

    #[test]
    fn figures_stay_within_their_bounds(answers in answers()) {
        let metrics = answers.measure();
        let class_count = answers.classes.len();
        prop_assert!((0.0..=1.0).contains(&metrics.top1));
        prop_assert!((metrics.top1..=1.0).contains(&metrics.top5));
        prop_assert!(class_count > 5 || metrics.top5 >= 1.0);
        prop_assert!(metrics.loss >= 0.0 && metrics.loss.is_finite());
        prop_assert_eq!(metrics.classes.len(), class_count);
        let images: usize = metrics.classes.values().map(|class| class.images).sum();
        prop_assert_eq!(images, metrics.images);
        for class in metrics.classes.values() {
            let (low, high) = (class.precision.min(class.recall), class.precision.max(class.recall));
            prop_assert!(0.0 <= low && high <= 1.0);
            prop_assert!(low - 1e-12 <= class.f1 && class.f1 <= high + 1e-12, "a mean of both");
        }
    }

    #[test]
    fn the_order_of_the_images_does_not_matter(answers in answers(), seed in any::<u64>()) {
        let mut order: Vec<usize> = (0..answers.rows.len()).collect();
        order.sort_by_key(|&index| (index as u64 + 1).wrapping_mul(seed | 1).rotate_left(17));
        let shuffled = Answers {
            rows: order.iter().map(|&index| answers.rows[index].clone()).collect(),
            labels: order.iter().map(|&index| answers.labels[index]).collect(),
            ..answers.clone()
        };
        prop_assert_eq!(shuffled.matrix(), answers.matrix());
        let (left, right) = (shuffled.measure(), answers.measure());
        assert_close(left.loss, right.loss);
        prop_assert_eq!(SplitMetrics { loss: 0.0, ..left }, SplitMetrics { loss: 0.0, ..right });
    }

    #[test]
    fn the_matrix_says_the_same_as_the_figures(answers in answers()) {
        let (metrics, matrix) = (answers.measure(), answers.matrix());
        prop_assert_eq!(matrix.images(), metrics.images);
        assert_close(matrix.hits() as f64 / matrix.images() as f64, metrics.top1);
        for (index, name) in answers.classes.iter().enumerate() {
            let row = matrix.row(index);
            prop_assert_eq!(row.iter().sum::<usize>(), metrics.classes[name].images);
            assert_close(row[index] as f64, metrics.classes[name].recall * row.iter().sum::<usize>() as f64);
        }
        let mistakes: usize = matrix.worst(usize::MAX).iter().map(|mistake| mistake.count).sum();
        prop_assert_eq!(mistakes, matrix.images() - matrix.hits());
    }
}

/// Rows of logits with their labels.
fn labelled_logits() -> impl Strategy<Value = (Vec<Vec<f32>>, Vec<usize>)> {
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
    fn no_other_temperature_has_a_lower_cross_entropy((logits, labels) in labelled_logits()) {
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
    fn logits_twice_as_large_want_twice_the_temperature((logits, labels) in labelled_logits()) {
        let double: Vec<Vec<f32>> = logits.iter().map(|row| row.iter().map(|logit| 2.0 * logit).collect()).collect();
        let (once, twice) = (fit_temperature(&logits, &labels).unwrap(), fit_temperature(&double, &labels).unwrap());
        let (low, high) = (*TEMPERATURES.start(), *TEMPERATURES.end());
        let expected = if all_right(&logits, &labels) { 1.0 } else { (2.0 * once).clamp(low, high) };
        prop_assert!((twice - expected).abs() < 1e-6 * twice || once <= low, "{} {}", once, twice);
    }

    #[test]
    fn a_constant_added_to_a_row_changes_nothing((logits, labels) in labelled_logits(), shift in -8_i8..8) {
        let shifted: Vec<Vec<f32>> = logits.iter().map(|row| row.iter().map(|logit| logit + f32::from(shift)).collect()).collect();
        let (one, other) = (fit_temperature(&logits, &labels).unwrap(), fit_temperature(&shifted, &labels).unwrap());
        prop_assert!((one - other).abs() < 1e-3 * one, "{} {}", one, other);
    }

    #[test]
    fn scaling_keeps_the_order_and_the_sum((logits, _) in labelled_logits(), temperature in 0.1_f64..10.0) {
        for row in &logits {
            let scaled = softmax(row, temperature).unwrap();
            prop_assert!((scaled.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            for (one, other) in row.iter().zip(&scaled).zip(row.iter().zip(&scaled).skip(1)).map(|((a, p), (b, q))| (a > b, p >= q)) {
                prop_assert!(!one || other);
            }
        }
    }

    #[test]
    fn the_error_stays_within_its_bounds((logits, labels) in labelled_logits()) {
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
