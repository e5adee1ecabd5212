//! The limits of a gate, each held against what was measured.

use serde::{Deserialize, Serialize};

use super::gate::{Gate, Limit, Metric, Requirement};
use super::mcnemar::Paired;
use super::measured::Measured;
use crate::error::Error;

/// Two figures that differ by less than this are equal: sums of fractions are not exact.
const ROUNDING: f64 = 1e-9;

/// One limit with the figures that were held against it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Check {
    /// The figure.
    pub metric: Metric,
    /// The class, of a figure of one class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// What kind of limit it is.
    pub kind: Kind,
    /// The limit.
    pub limit: f64,
    /// The champion's figure, if there is a champion.
    pub champion: Option<f64>,
    /// The challenger's figure, or the p-value of the two; `None` where it was not measured.
    pub challenger: Option<f64>,
    /// Whether the challenger meets the limit.
    pub passed: bool,
}

/// What a limit is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// The challenger's figure.
    Threshold,
    /// The improvement on the champion.
    MinAbsoluteChange,
    /// The improvement as a share of the champion's figure.
    MinRelativeChange,
    /// The p-value, unless the challenger is the better one.
    NotWorse,
    /// The p-value, with the challenger as the better one.
    Better,
}

/// Holds each limit of the gate against what was measured on the same images. Of the classes those that fail are listed,
/// or the one nearest to failing. Without a champion only thresholds count. The limits of [`Gate::known`]
/// do not apply to a challenger without detection of outliers, and only the threshold applies if the champion has none.
///
/// # Errors
///
/// [`Error::Unpaired`] when the two were not measured on as many images.
pub fn judge(
    gate: &Gate,
    challenger: &Measured,
    champion: Option<&Measured>,
) -> Result<Vec<Check>, Error> {
    let mut checks = Vec::new();
    for (metric, limit) in gate.limits() {
        let pairs = match metric {
            Metric::ClassRecall => recalls(gate, challenger, champion),
            _ => vec![Pair {
                class: None,
                challenger: challenger.figure(metric),
                champion: champion.and_then(|one| one.figure(metric)),
            }],
        };
        let beside = match metric {
            Metric::Known if challenger.figures.known.is_none() => continue,
            Metric::Known => champion.is_some_and(|one| one.figures.known.is_some()),
            _ => champion.is_some(),
        };
        for (kind, limit) in limit.kinds(beside) {
            checks.extend(of_pairs(metric, kind, limit, &pairs));
        }
    }
    if let Some(champion) = champion {
        checks.push(significance(gate, &paired(challenger, champion)?));
    }
    Ok(checks)
}

/// The images counted by which of the two is right.
pub(super) fn paired(challenger: &Measured, champion: &Measured) -> Result<Paired, Error> {
    let (one, other) = (&challenger.right, &champion.right);
    Paired::new(one, other).ok_or(Error::Unpaired {
        expected: other.len(),
        got: one.len(),
    })
}

/// The same figure of both.
struct Pair {
    class: Option<String>,
    challenger: Option<f64>,
    champion: Option<f64>,
}

impl Limit {
    /// The limits that there are, of those without a champion only the threshold.
    fn kinds(self, has_champion: bool) -> impl Iterator<Item = (Kind, f64)> {
        let beside = |change: Option<f64>| change.filter(|_| has_champion);
        [
            (Kind::Threshold, self.threshold),
            (Kind::MinAbsoluteChange, beside(self.min_absolute_change)),
            (Kind::MinRelativeChange, beside(self.min_relative_change)),
        ]
        .into_iter()
        .filter_map(|(kind, limit)| Some((kind, limit?)))
    }
}

/// The recall of each class that has enough images.
fn recalls(gate: &Gate, challenger: &Measured, champion: Option<&Measured>) -> Vec<Pair> {
    let enough = challenger.figures.classes.iter();
    let enough = enough.filter(|(_, class)| class.images > 0 && class.images >= gate.class_images);
    let pair = |(name, class): (&String, &pet_model::ClassMetrics)| Pair {
        class: Some(name.clone()),
        challenger: Some(class.recall),
        champion: champion
            .and_then(|one| one.figures.classes.get(name))
            .map(|class| class.recall),
    };
    enough.map(pair).collect()
}

/// The pairs that fail, else the one nearest to failing.
fn of_pairs(metric: Metric, kind: Kind, limit: f64, pairs: &[Pair]) -> Vec<Check> {
    let checks = pairs.iter().map(|pair| {
        let spare = spare(metric, kind, limit, pair);
        let check = Check {
            metric,
            class: pair.class.clone(),
            kind,
            limit,
            champion: pair.champion,
            challenger: pair.challenger,
            passed: spare.is_some_and(|spare| spare >= -ROUNDING),
        };
        (spare.unwrap_or(f64::NEG_INFINITY), check)
    });
    let (passed, mut failed): (Vec<_>, Vec<_>) = checks.partition(|(_, check)| check.passed);
    if failed.is_empty() {
        let nearest = passed
            .into_iter()
            .min_by(|one, other| one.0.total_cmp(&other.0));
        failed.extend(nearest);
    }
    failed.into_iter().map(|(_, check)| check).collect()
}

/// How far the challenger is on the good side of the limit, in the figure's unit; `None` where a figure is missing or is
/// not a number.
fn spare(metric: Metric, kind: Kind, limit: f64, pair: &Pair) -> Option<f64> {
    let sign = if metric.greater_is_better() {
        1.0
    } else {
        -1.0
    };
    let challenger = pair.challenger?;
    let spare = match kind {
        Kind::Threshold => sign * (challenger - limit),
        Kind::MinRelativeChange => {
            let champion = pair.champion?;
            sign * (challenger - champion) - limit * champion.abs()
        }
        _ => sign * (challenger - pair.champion?) - limit,
    };
    Some(spare).filter(|spare| !spare.is_nan())
}

/// McNemar's test.
fn significance(gate: &Gate, paired: &Paired) -> Check {
    let (alpha, p) = (gate.mcnemar.alpha, paired.p_value());
    let (won, lost) = (paired.only_challenger, paired.only_champion);
    let (kind, passed) = match gate.mcnemar.require {
        Requirement::NotWorse => (Kind::NotWorse, won >= lost || p >= alpha),
        Requirement::Better => (Kind::Better, won > lost && p < alpha),
    };
    Check {
        metric: Metric::Mcnemar,
        class: None,
        kind,
        limit: alpha,
        champion: None,
        challenger: Some(p),
        passed,
    }
}

#[cfg(test)]
mod tests {
    use pet_model::{Calibration, ClassMetrics, SplitMetrics};
    use proptest::prelude::*;

    use super::*;

    /// A version that is right on the first `hits` of 100 images, 50 of each class.
    fn measured(hits: usize) -> Measured {
        let recall = |from: usize| {
            let class = ClassMetrics {
                images: 50,
                recall: hits.saturating_sub(from).min(50) as f64 / 50.0,
                ..ClassMetrics::default()
            };
            (if from == 0 { "Beagle" } else { "Pug" }.to_owned(), class)
        };
        Measured {
            figures: SplitMetrics {
                images: 100,
                top1: hits as f64 / 100.0,
                calibration: Some(Calibration {
                    error: 0.02,
                    ..Calibration::default()
                }),
                classes: [recall(0), recall(50)].into(),
                ..SplitMetrics::default()
            },
            right: (0..100).map(|image| image < hits).collect(),
            latency_ms: 10.0,
            bytes: 9_000_000,
            ..Measured::default()
        }
    }

    fn failed(gate: &Gate, challenger: &Measured, champion: Option<&Measured>) -> Vec<String> {
        let checks = judge(gate, challenger, champion).unwrap();
        let failed = checks.into_iter().filter(|check| !check.passed);
        let name = |check: Check| {
            let class = check.class.map(|class| format!(" {class}"));
            format!("{}{}", check.metric.name(), class.unwrap_or_default())
        };
        failed.map(name).collect()
    }

    #[test]
    fn a_first_model_passes_on_thresholds_alone() {
        let gate = Gate::default();
        assert_eq!(failed(&gate, &measured(90), None), [""; 0]);
        let weak = failed(&gate, &measured(40), None);
        assert_eq!(weak, ["accuracy", "class_recall Pug"]);
        let checks = judge(&gate, &measured(90), None).unwrap();
        assert!(checks.iter().all(|check| check.kind == Kind::Threshold));
    }

    #[test]
    fn as_good_as_the_champion_is_good_enough_and_one_image_less_is_not() {
        let gate = Gate::default();
        let champion = measured(80);
        assert_eq!(failed(&gate, &champion.clone(), Some(&champion)), [""; 0]);
        assert_eq!(failed(&gate, &measured(79), Some(&champion)), ["accuracy"]);
    }

    #[test]
    fn a_loss_that_is_allowed_must_still_be_chance() {
        let mut gate = Gate::default();
        gate.accuracy.min_absolute_change = Some(-0.1);
        let champion = measured(90);
        assert_eq!(failed(&gate, &measured(85), Some(&champion)), [""; 0]);
        // Six images lost and none won: p = 0.03.
        assert_eq!(failed(&gate, &measured(84), Some(&champion)), ["mcnemar"]);
        gate.mcnemar.require = Requirement::Better;
        assert_eq!(failed(&gate, &measured(95), Some(&champion)), ["mcnemar"]);
        assert_eq!(failed(&gate, &measured(96), Some(&champion)), [""; 0]);
    }

    #[test]
    fn each_class_that_is_lost_is_named_unless_it_has_few_images() {
        let mut gate = Gate::default();
        let (champion, mut challenger) = (measured(90), measured(90));
        for class in challenger.figures.classes.values_mut() {
            class.recall = 0.05;
        }
        let names = failed(&gate, &challenger, Some(&champion));
        let twice = ["class_recall Beagle", "class_recall Pug"].repeat(2);
        assert_eq!(names, twice);
        gate.class_images = 51;
        assert_eq!(failed(&gate, &challenger, Some(&champion)), [""; 0]);
    }

    #[test]
    fn slower_larger_and_surer_than_allowed_is_refused_and_less_of_all_is_not() {
        let gate = Gate::default();
        let (champion, mut challenger) = (measured(90), measured(90));
        challenger.latency_ms = 15.1;
        challenger.bytes = 13_600_000;
        challenger.figures.calibration.as_mut().unwrap().error = 0.08;
        let names = failed(&gate, &challenger, Some(&champion));
        assert_eq!(names, ["calibration_error", "latency_ms", "size_mb"]);
        challenger.latency_ms = 1.0;
        challenger.bytes = 1;
        challenger.figures.calibration.as_mut().unwrap().error = 0.0;
        assert_eq!(failed(&gate, &challenger, Some(&champion)), [""; 0]);
    }

    #[test]
    fn pets_that_are_taken_for_strangers_count_where_a_model_can_tell() {
        let gate = Gate::default();
        let knowing = |known| {
            let mut measured = measured(90);
            measured.figures.known = known;
            measured
        };
        let names = |challenger: Option<f64>, champion: Option<f64>| {
            failed(&gate, &knowing(challenger), Some(&knowing(champion)))
        };
        assert_eq!(names(Some(0.94), Some(0.98)), [""; 0]);
        assert_eq!(names(Some(0.92), Some(0.98)), ["known"], "6 points less");
        assert_eq!(names(Some(0.8), Some(0.98)), ["known", "known"]);
        assert_eq!(names(Some(0.8), None), ["known"], "by itself");
        assert_eq!(names(Some(0.92), None), [""; 0]);
        assert_eq!(names(None, Some(0.98)), [""; 0], "takes all for pets");
        assert_eq!(failed(&gate, &knowing(Some(0.8)), None), ["known"]);
    }

    #[test]
    fn what_was_not_measured_fails() {
        let (champion, mut challenger) = (measured(90), measured(90));
        challenger.figures.calibration = None;
        challenger.latency_ms = f64::NAN;
        let names = failed(&Gate::default(), &challenger, Some(&champion));
        assert_eq!(
            names,
            ["calibration_error", "calibration_error", "latency_ms"]
        );
        challenger.right.pop();
        let error = judge(&Gate::default(), &challenger, Some(&champion)).unwrap_err();
        let counts = matches!(
            error,
            Error::Unpaired {
                expected: 100,
                got: 99
            }
        );
        assert!(counts, "{error}");
    }

    proptest! {
        #[test]
        fn a_better_challenger_never_fails_more(hits in 0_usize..=100, more in 0_usize..=100, champion in 0_usize..=100) {
            let better = (hits + more).min(100);
            let champion = measured(champion);
            let gate = Gate::default();
            let fails = |hits| failed(&gate, &measured(hits), Some(&champion)).len();
            prop_assert!(fails(better) <= fails(hits));
        }
    }
}
