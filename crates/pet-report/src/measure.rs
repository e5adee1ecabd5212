//! Metrics of a classifier on one split.

use std::collections::{BTreeMap, HashSet};

use pet_model::{ClassMetrics, SplitMetrics};

use crate::Error;
use crate::check::{check, rank, top_class};

/// Lower bound of probabilities in the cross-entropy: an image whose class has probability 0 costs 27.6 nats rather
/// than making the mean infinite.
pub const PROBABILITY_FLOOR: f64 = 1e-12;

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
        classes: classes.iter().cloned().zip(by_class).collect::<BTreeMap<_, _>>(),
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
}
