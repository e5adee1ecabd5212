//! Metrics of a classifier on one split.

use std::collections::HashSet;

use pet_model::{ClassMetrics, SplitMetrics};

use crate::Error;

/// Lower bound of probabilities in the cross-entropy: an image whose class has probability 0 costs 27.6 nats rather
/// than making the mean infinite.
pub const PROBABILITY_FLOOR: f64 = 1e-12;

/// Room for rounding in `f32` softmax over many classes, or over values stored with fewer bits.
const SUM_TOLERANCE: f64 = 1e-2;
const VALUE_TOLERANCE: f32 = 1e-4;

/// Measures a classifier on the images of one split.
///
/// `probabilities` has one row per image with one probability per class, in the order of `classes`; `labels` has the
/// images' class indices. `command` is the command line that reproduces the metrics; it is stored with them.
///
/// - `top1`, `top5`: share of images whose class is the most probable, or among the five most probable. Equal
///   probabilities rank by index.
/// - `loss`: mean cross-entropy in nats, `-ln(p)` of the actual class's probability `p`, clamped to
///   [`PROBABILITY_FLOOR`]..=1.
/// - Precision, recall and F1 of each class are 0 where they would be 0/0: precision of a class that was never
///   predicted, recall of one without images.
/// - `macro_f1`: the mean of the F1 scores over all of `classes`, including those without images.
///
/// # Errors
///
/// [`Error::NoImages`], [`Error::NoClasses`], [`Error::DuplicateClass`], [`Error::LabelCount`],
/// [`Error::LabelOutside`], [`Error::RowLength`], [`Error::NotProbability`] (also for NaN) and
/// [`Error::NotNormalized`].
pub fn measure(
    probabilities: &[Vec<f32>],
    labels: &[usize],
    classes: &[String],
    command: &str,
) -> Result<SplitMetrics, Error> {
    check(probabilities, labels, classes.len())?;
    check_names(classes)?;
    let mut tallies = vec![Tally::default(); classes.len()];
    let (mut top1, mut top5, mut loss) = (0_usize, 0_usize, 0.0);
    for (values, &label) in probabilities.iter().zip(labels) {
        let predicted = top_class(values);
        let rank = rank(values, label);
        top1 += usize::from(rank == 0);
        top5 += usize::from(rank < 5);
        loss -= f64::from(values[label]).clamp(PROBABILITY_FLOOR, 1.0).ln();
        tallies[label].images += 1;
        tallies[predicted].predictions += 1;
        tallies[label].hits += usize::from(predicted == label);
    }
    let by_class: Vec<ClassMetrics> = tallies.iter().map(Tally::metrics).collect();
    Ok(SplitMetrics {
        known: None,
        images: labels.len(),
        top1: ratio(top1, labels.len()),
        top5: ratio(top5, labels.len()),
        loss: loss / labels.len() as f64,
        calibration: None,
        macro_f1: by_class.iter().map(|class| class.f1).sum::<f64>() / classes.len() as f64,
        classes: classes.iter().cloned().zip(by_class).collect(),
        command: command.to_owned(),
    })
}

/// The counts of one class.
#[derive(Clone, Default)]
struct Tally {
    images: usize,
    predictions: usize,
    hits: usize,
}

impl Tally {
    fn metrics(&self) -> ClassMetrics {
        ClassMetrics {
            images: self.images,
            precision: ratio(self.hits, self.predictions),
            recall: ratio(self.hits, self.images),
            // 2·P·R / (P + R) with the fractions written out.
            f1: ratio(2 * self.hits, self.images + self.predictions),
        }
    }
}

/// `part / whole`, and 0 for 0/0.
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn check_names(classes: &[String]) -> Result<(), Error> {
    let mut seen = HashSet::new();
    match classes.iter().find(|class| !seen.insert(class.as_str())) {
        Some(class) => Err(Error::DuplicateClass { class: class.clone() }),
        None => Ok(()),
    }
}

/// Checks that each image has a row of `classes` probabilities and a valid label.
pub(crate) fn check(
    probabilities: &[Vec<f32>],
    labels: &[usize],
    classes: usize,
) -> Result<(), Error> {
    check_rows(probabilities, labels, classes, |row, values| {
        let valid = -VALUE_TOLERANCE..=1.0 + VALUE_TOLERANCE;
        if let Some(class) = values.iter().position(|value| !valid.contains(value)) {
            return Err(Error::NotProbability { row, class, value: values[class] });
        }
        let sum: f64 = values.iter().copied().map(f64::from).sum();
        if (sum - 1.0).abs() > SUM_TOLERANCE {
            return Err(Error::NotNormalized { row, sum });
        }
        Ok(())
    })
}

/// Checks that each image has a row of `classes` values, a valid label, and what `check_values` checks.
pub(crate) fn check_rows(
    rows: &[Vec<f32>],
    labels: &[usize],
    classes: usize,
    check_values: impl Fn(usize, &[f32]) -> Result<(), Error>,
) -> Result<(), Error> {
    if classes == 0 {
        return Err(Error::NoClasses);
    }
    if rows.is_empty() && labels.is_empty() {
        return Err(Error::NoImages);
    }
    if rows.len() != labels.len() {
        return Err(Error::LabelCount { expected: rows.len(), got: labels.len() });
    }
    for (row, (values, &label)) in rows.iter().zip(labels).enumerate() {
        if label >= classes {
            return Err(Error::LabelOutside { row, label, classes });
        }
        if values.len() != classes {
            return Err(Error::RowLength { row, expected: classes, got: values.len() });
        }
        check_values(row, values)?;
    }
    Ok(())
}

/// The rank of `class`, 0 for the most probable; equal values rank by index.
fn rank(values: &[f32], class: usize) -> usize {
    let own = values[class];
    let before = |(index, &value): (usize, &f32)| value > own || (value >= own && index < class);
    values.iter().enumerate().filter(|&pair| before(pair)).count()
}

/// The most probable class, the first of equal ones.
pub(crate) fn top_class(values: &[f32]) -> usize {
    let better = |best: usize, (index, &value): (usize, &f32)| {
        if value > values[best] { index } else { best }
    };
    values.iter().enumerate().fold(0, better)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-12
    }

    /// Four images: Pug found, Pug taken for Beagle, Beagle found, and no Birman at all.
    #[test]
    fn figures_are_those_computed_by_hand() {
        let probabilities = [
            vec![0.5, 0.25, 0.25],
            vec![0.25, 0.5, 0.25],
            vec![0.125, 0.75, 0.125],
            vec![0.25, 0.25, 0.5],
        ];
        let classes = names(&["Pug", "Beagle", "Birman"]);
        let metrics = measure(&probabilities, &[0, 0, 1, 1], &classes, "evaluate it").unwrap();
        assert_eq!(metrics.images, 4);
        assert_eq!(metrics.command, "evaluate it");
        assert!(close(metrics.top1, 0.5));
        assert!(close(metrics.top5, 1.0), "fewer than five classes: always among them");
        // (ln 2 + ln 4 + ln 4/3 + ln 4) / 4 = ln(128/3) / 4
        assert!(close(metrics.loss, (128.0_f64 / 3.0).ln() / 4.0));
        let pug = ClassMetrics { images: 2, precision: 1.0, recall: 0.5, f1: 2.0 / 3.0 };
        let beagle = ClassMetrics { images: 2, precision: 0.5, recall: 0.5, f1: 0.5 };
        assert_eq!(metrics.classes["Pug"], pug);
        assert_eq!(metrics.classes["Beagle"], beagle);
        assert_eq!(metrics.classes["Birman"], ClassMetrics::default(), "0/0 counts as 0");
        assert!(close(metrics.macro_f1, (2.0 / 3.0 + 0.5) / 3.0));
    }

    #[test]
    fn the_sixth_guess_is_not_among_the_first_five() {
        let row = vec![0.3, 0.2, 0.15, 0.13, 0.12, 0.1];
        let classes = names(&["a", "b", "c", "d", "e", "f"]);
        let metrics = measure(&[row.clone(), row], &[4, 5], &classes, "").unwrap();
        assert!(close(metrics.top1, 0.0));
        assert!(close(metrics.top5, 0.5));
    }

    #[test]
    fn a_right_class_without_any_probability_has_a_finite_loss() {
        let metrics = measure(&[vec![0.0, 1.0]], &[0], &names(&["a", "b"]), "").unwrap();
        assert!(close(metrics.loss, -PROBABILITY_FLOOR.ln()));
    }

    #[test]
    fn a_name_given_twice_is_refused() {
        let error = measure(&[vec![0.5, 0.5]], &[0], &names(&["Pug", "Pug"]), "").unwrap_err();
        assert_eq!(error.to_string(), "class `Pug` is listed twice");
    }

    fn message(probabilities: &[Vec<f32>], labels: &[usize], classes: usize) -> String {
        check(probabilities, labels, classes).unwrap_err().to_string()
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let good = vec![0.25, 0.75];
        assert!(check(&[good.clone(), good.clone()], &[0, 1], 2).is_ok());
        assert_eq!(message(&[], &[], 2), "there are no images to measure");
        assert_eq!(message(&[], &[], 0), "the class list is empty");
        assert_eq!(
            message(std::slice::from_ref(&good), &[0, 1], 2),
            "expected one label for each of 1 rows of probabilities, got 2"
        );
        assert_eq!(
            message(&[good.clone(), good.clone()], &[0, 2], 2),
            "the label of row 1 is 2, expected one below 2"
        );
        assert_eq!(
            message(&[good.clone(), vec![1.0]], &[0, 1], 2),
            "row 1 has 1 probabilities, expected 2"
        );
        assert_eq!(
            message(&[vec![0.5, f32::NAN]], &[0], 2),
            "row 0, class 1 has `NaN`, expected a probability"
        );
        assert_eq!(
            message(&[vec![0.5, 0.25]], &[0], 2),
            "the probabilities of row 0 add up to `0.75`, expected 1"
        );
    }

    #[test]
    fn logits_are_refused_with_a_hint() {
        let error = check(&[vec![4.0, -3.0]], &[0], 2).unwrap_err();
        assert!(error.to_string().contains("`4`"), "{error}");
        assert_eq!(error.hint().as_deref(), Some("apply softmax to the model's logits first"));
    }

    #[test]
    fn among_equals_the_lower_index_comes_first() {
        let values = [0.25, 0.25, 0.5, 0.0];
        assert_eq!([0, 1, 2, 3].map(|class| rank(&values, class)), [1, 2, 0, 3]);
        assert_eq!(top_class(&values), 2);
        assert_eq!(top_class(&[0.5, 0.5]), 0);
    }
}
