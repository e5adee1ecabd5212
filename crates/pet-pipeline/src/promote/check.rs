//! Checks of metrics against the limits of a gate.

use pet_model::ClassMetrics;
use serde::{Deserialize, Serialize};

use super::gate::{Gate, Limit, Metric, Requirement};
use super::mcnemar::Paired;
use super::measured::Measured;
use crate::error::Error;

/// Tolerance for rounding errors.
const ROUNDING: f64 = 1e-9;

/// The check of a limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Check {
    /// The metric.
    pub metric: Metric,
    /// The class, for metrics of a class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The kind of limit.
    pub kind: Kind,
    /// The limit.
    pub limit: f64,
    /// The champion's metric, if there is a champion.
    pub champion: Option<f64>,
    /// The challenger's metric, or the p-value; `None` if it was not measured.
    pub challenger: Option<f64>,
    /// Whether the challenger meets the limit.
    pub passed: bool,
}

/// The value that a limit applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// The challenger's metric.
    Threshold,
    /// The improvement over the champion.
    MinAbsoluteChange,
    /// The improvement relative to the champion's metric.
    MinRelativeChange,
    /// The p-value, unless the challenger is better.
    NotWorse,
    /// The p-value, and the challenger must be better.
    Better,
}

impl Gate {
    /// Checks all limits on metrics that were measured on the same images. For limits that apply to each class, only the
    /// classes that fail are included, or else the one that is closest to failing.
    ///
    /// Without a champion, only thresholds apply. [`known`](Self::known) applies only to a challenger that detects outliers,
    /// and only its threshold if the champion does not.
    ///
    /// # Errors
    ///
    /// [`Error::Unpaired`] if the two were measured on different numbers of images.
    pub fn evaluate(
        &self,
        challenger: &Measured,
        champion: Option<&Measured>,
    ) -> Result<Vec<Check>, Error> {
        let mut checks = Vec::new();
        for (metric, limit) in self.limits() {
            let pairs = match metric {
                Metric::ClassRecall => recalls(self, challenger, champion),
                _ => vec![Pair {
                    class: None,
                    challenger: challenger.metric(metric),
                    champion: champion.and_then(|one| one.metric(metric)),
                }],
            };
            let is_comparable = match metric {
                Metric::Known if challenger.report.known.is_none() => continue,
                Metric::Known => champion.is_some_and(|one| one.report.known.is_some()),
                _ => champion.is_some(),
            };
            for (kind, limit) in limit.kinds(is_comparable) {
                checks.extend(check_pairs(metric, kind, limit, &pairs));
            }
        }
        if let Some(champion) = champion {
            checks.push(significance(self, &paired(challenger, champion)?));
        }
        Ok(checks)
    }

    /// Number of classes with too few images for a limit on their recall.
    pub(super) fn unchecked_classes(&self, measured: &Measured) -> usize {
        let classes = measured.classes.values();
        let unchecked = classes.filter(|class| !self.has_enough(class.images)).count();
        if self.class_recall == Limit::default() { 0 } else { unchecked }
    }

    fn has_enough(&self, images: usize) -> bool {
        images > 0 && images >= self.class_images
    }
}

/// The contingency table of the two versions.
pub(super) fn paired(challenger: &Measured, champion: &Measured) -> Result<Paired, Error> {
    let (one, other) = (&challenger.right, &champion.right);
    Paired::new(one, other).ok_or(Error::Unpaired { expected: other.len(), got: one.len() })
}

/// A metric of both versions.
struct Pair {
    class: Option<String>,
    challenger: Option<f64>,
    champion: Option<f64>,
}

impl Limit {
    /// The limits that are set, without those on changes if there is nothing to compare with.
    pub(super) fn kinds(self, is_comparable: bool) -> impl Iterator<Item = (Kind, f64)> {
        let change = |limit: Option<f64>| limit.filter(|_| is_comparable);
        [
            (Kind::Threshold, self.threshold),
            (Kind::MinAbsoluteChange, change(self.min_absolute_change)),
            (Kind::MinRelativeChange, change(self.min_relative_change)),
        ]
        .into_iter()
        .filter_map(|(kind, limit)| Some((kind, limit?)))
    }
}

/// The recall of each class with enough images.
fn recalls(gate: &Gate, challenger: &Measured, champion: Option<&Measured>) -> Vec<Pair> {
    let enough = challenger.classes.iter().filter(|(_, class)| gate.has_enough(class.images));
    let pair = |(name, class): (&String, &ClassMetrics)| Pair {
        class: Some(name.clone()),
        challenger: Some(class.recall),
        champion: champion.and_then(|one| one.classes.get(name)).map(|class| class.recall),
    };
    enough.map(pair).collect()
}

/// The checks that fail, or else the one that is closest to failing.
fn check_pairs(metric: Metric, kind: Kind, limit: f64, pairs: &[Pair]) -> Vec<Check> {
    let checks = pairs.iter().map(|pair| {
        let margin = margin(metric, kind, limit, pair);
        let check = Check {
            metric,
            class: pair.class.clone(),
            kind,
            limit,
            champion: pair.champion,
            challenger: pair.challenger,
            passed: margin.is_some_and(|margin| margin >= -ROUNDING),
        };
        (margin.unwrap_or(f64::NEG_INFINITY), check)
    });
    let (passed, mut failed): (Vec<_>, Vec<_>) = checks.partition(|(_, check)| check.passed);
    if failed.is_empty() {
        let closest = passed.into_iter().min_by(|one, other| one.0.total_cmp(&other.0));
        failed.extend(closest);
    }
    failed.into_iter().map(|(_, check)| check).collect()
}

/// By how much the challenger meets the limit, in the unit of the metric; `None` if a metric is missing or NaN.
fn margin(metric: Metric, kind: Kind, limit: f64, pair: &Pair) -> Option<f64> {
    let sign = if metric.greater_is_better() { 1.0 } else { -1.0 };
    let challenger = pair.challenger?;
    let margin = match kind {
        Kind::Threshold => sign * (challenger - limit),
        Kind::MinRelativeChange => {
            let champion = pair.champion?;
            sign * (challenger - champion) - limit * champion.abs()
        }
        _ => sign * (challenger - pair.champion?) - limit,
    };
    Some(margin).filter(|margin| !margin.is_nan())
}

/// The check of McNemar's test.
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
    use proptest::prelude::*;

    use super::*;
    use crate::promote::ContenderMetrics;

    /// A version that classifies the first `hits` of 100 images correctly, 50 of each class.
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
            report: ContenderMetrics {
                accuracy: hits as f64 / 100.0,
                calibration_error: Some(0.02),
                latency_ms: 10.0,
                bytes: 9_000_000,
                ..ContenderMetrics::default()
            },
            classes: [recall(0), recall(50)].into(),
            right: (0..100).map(|image| image < hits).collect(),
        }
    }

    fn failed(gate: &Gate, challenger: &Measured, champion: Option<&Measured>) -> Vec<String> {
        let checks = gate.evaluate(challenger, champion).unwrap();
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
        let checks = gate.evaluate(&measured(90), None).unwrap();
        assert!(checks.iter().all(|check| check.kind == Kind::Threshold));
    }

    #[test]
    fn the_challenger_must_be_at_least_as_accurate_as_the_champion() {
        let gate = Gate::default();
        let champion = measured(80);
        assert_eq!(failed(&gate, &champion.clone(), Some(&champion)), [""; 0]);
        assert_eq!(failed(&gate, &measured(79), Some(&champion)), ["accuracy"]);
    }

    #[test]
    fn an_allowed_loss_must_not_be_significant() {
        let mut gate = Gate::default();
        gate.accuracy.min_absolute_change = Some(-0.1);
        let champion = measured(90);
        assert_eq!(failed(&gate, &measured(85), Some(&champion)), [""; 0]);
        // Six images lost and none gained: p = 0.03.
        assert_eq!(failed(&gate, &measured(84), Some(&champion)), ["mcnemar"]);
        gate.mcnemar.require = Requirement::Better;
        assert_eq!(failed(&gate, &measured(95), Some(&champion)), ["mcnemar"]);
        assert_eq!(failed(&gate, &measured(96), Some(&champion)), [""; 0]);
    }

    #[test]
    fn failing_classes_are_listed_unless_they_have_few_images() {
        let mut gate = Gate::default();
        let (champion, mut challenger) = (measured(90), measured(90));
        for class in challenger.classes.values_mut() {
            class.recall = 0.05;
        }
        let names = failed(&gate, &challenger, Some(&champion));
        let twice = ["class_recall Beagle", "class_recall Pug"].repeat(2);
        assert_eq!(names, twice);
        gate.class_images = 51;
        assert_eq!(failed(&gate, &challenger, Some(&champion)), [""; 0]);
    }

    #[test]
    fn latency_size_and_calibration_error_have_upper_limits() {
        let gate = Gate::default();
        let (champion, mut challenger) = (measured(90), measured(90));
        challenger.report.latency_ms = 15.1;
        challenger.report.bytes = 13_600_000;
        challenger.report.calibration_error = Some(0.08);
        let names = failed(&gate, &challenger, Some(&champion));
        assert_eq!(names, ["calibration_error", "latency_ms", "size_mb"]);
        challenger.report.latency_ms = 1.0;
        challenger.report.bytes = 1;
        challenger.report.calibration_error = Some(0.0);
        assert_eq!(failed(&gate, &challenger, Some(&champion)), [""; 0]);
    }

    #[test]
    fn known_applies_only_to_models_that_detect_outliers() {
        let gate = Gate::default();
        let with_known = |known| {
            let mut measured = measured(90);
            measured.report.known = known;
            measured
        };
        let names = |challenger: Option<f64>, champion: Option<f64>| {
            failed(&gate, &with_known(challenger), Some(&with_known(champion)))
        };
        assert_eq!(names(Some(0.94), Some(0.98)), [""; 0]);
        assert_eq!(names(Some(0.92), Some(0.98)), ["known"], "6 points less");
        assert_eq!(names(Some(0.8), Some(0.98)), ["known", "known"]);
        assert_eq!(names(Some(0.8), None), ["known"], "threshold");
        assert_eq!(names(Some(0.92), None), [""; 0]);
        assert_eq!(names(None, Some(0.98)), [""; 0], "no outlier detection");
        assert_eq!(failed(&gate, &with_known(Some(0.8)), None), ["known"]);
    }

    #[test]
    fn missing_metrics_fail() {
        let (champion, mut challenger) = (measured(90), measured(90));
        challenger.report.calibration_error = None;
        challenger.report.latency_ms = f64::NAN;
        let names = failed(&Gate::default(), &challenger, Some(&champion));
        assert_eq!(names, ["calibration_error", "calibration_error", "latency_ms"]);
        challenger.right.pop();
        let error = Gate::default().evaluate(&challenger, Some(&champion)).unwrap_err();
        let counts = matches!(error, Error::Unpaired { expected: 100, got: 99 });
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
