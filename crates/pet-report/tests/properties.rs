//! What holds for every classifier.

#![expect(clippy::unwrap_used, reason = "a test may unwrap")]

use pet_model::SplitMetrics;
use pet_report::{ConfusionMatrix, measure};
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
