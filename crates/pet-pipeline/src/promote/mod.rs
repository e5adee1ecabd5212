//! Promotion: comparison of a challenger with the champion.
//!
//! Both are [`Measured`] on the same images, in each precision in which they are served. A [`Gate`] has limits for the
//! challenger's metrics and for changes compared with the champion; [`Gate::evaluate`] returns a [`Check`] for each.
//! Without a champion, only absolute limits apply.
//!
//! ```
//! use pet_pipeline::promote::{Gate, Limit};
//!
//! let gate: Gate = serde_json::from_str(r#"{ "accuracy": { "threshold": 0.9, "min_absolute_change": 0.005 } }"#)?;
//! assert_eq!(gate.accuracy.threshold, Some(0.9));
//! assert_eq!(gate.size_mb, Gate::default().size_mb, "metrics that are not given have the default");
//! # Ok::<(), serde_json::Error>(())
//! ```

mod check;
mod gate;
mod mcnemar;
mod measured;

use pet_model::Precision;
use serde::{Deserialize, Serialize};

use self::check::paired;
use crate::error::Error;

pub use check::{Check, Kind};
pub use gate::{Gate, Limit, Metric, Requirement, Significance};
pub use mcnemar::Paired;
pub use measured::{ContenderMetrics, Measured, NoKnown, latency_ms};

/// The comparison of two versions of a registered model, which is the content of `promotion.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Promotion {
    /// The registered model.
    pub model: String,
    /// The result.
    pub verdict: Verdict,
    /// Description of the images.
    pub images: String,
    /// The version to promote.
    pub challenger: Contender,
    /// The current champion, if there is one.
    pub champion: Option<Contender>,
    /// The limits, which apply to each precision.
    pub gate: Gate,
    /// One for each precision in which the challenger is served, fp32 first.
    pub comparisons: Vec<Comparison>,
}

/// The result of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// The challenger meets every limit.
    Passed,
    /// The challenger misses a limit.
    Refused,
}

/// One of the two versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Contender {
    /// The version in the registry.
    pub version: u32,
    /// The run that trained it.
    pub run_id: String,
}

impl Contender {
    /// A version and its run.
    pub fn new(version: u32, run_id: impl Into<String>) -> Self {
        Self { version, run_id: run_id.into() }
    }
}

/// The two versions in one precision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The precision of the challenger.
    pub precision: Precision,
    /// The metrics of the challenger.
    pub challenger: ContenderMetrics,
    /// The metrics of the champion, if there is one.
    pub champion: Option<ContenderMetrics>,
    /// The contingency table, if there is a champion.
    pub paired: Option<Paired>,
    /// The checked limits.
    pub checks: Vec<Check>,
    /// Number of classes whose recall was not checked, since they have fewer images than [`Gate::class_images`].
    #[serde(default)]
    pub unchecked_classes: usize,
}

impl Comparison {
    fn new(gate: &Gate, challenger: &Measured, champion: Option<&Measured>) -> Result<Self, Error> {
        let paired = champion.map(|champion| paired(challenger, champion));
        Ok(Self {
            precision: challenger.report.precision,
            challenger: challenger.report.clone(),
            champion: champion.map(|champion| champion.report.clone()),
            paired: paired.transpose()?,
            checks: gate.evaluate(challenger, champion)?,
            unchecked_classes: gate.unchecked_classes(challenger),
        })
    }

    /// The limits that were not checked: those on [`Gate::class_recall`] if no class has enough images, and those on
    /// [`Gate::known`] if a version has no such metric.
    pub fn unchecked(&self, gate: &Gate) -> Vec<(Metric, Kind, f64)> {
        let metrics = [(Metric::ClassRecall, gate.class_recall), (Metric::Known, gate.known)];
        let limits = metrics.into_iter().flat_map(|(metric, limit)| {
            let kinds = limit.kinds(self.champion.is_some());
            kinds.map(move |(kind, limit)| (metric, kind, limit))
        });
        let checked = |metric: Metric, kind: Kind| {
            let mut checks = self.checks.iter();
            checks.any(|check| check.metric == metric && check.kind == kind)
        };
        limits.filter(|(metric, kind, _)| !checked(*metric, *kind)).collect()
    }

    /// The names of the metrics that miss a limit, without repetition: `accuracy`, or `int8 accuracy` for an int8
    /// model.
    fn failed(&self) -> Vec<String> {
        let failed = self.checks.iter().filter(|check| !check.passed);
        let mut names: Vec<_> = failed.map(|check| check.metric.name()).collect();
        names.dedup();
        let name = |name: &str| match self.precision {
            Precision::Fp32 => name.to_owned(),
            Precision::Int8 => format!("{} {name}", self.precision),
        };
        names.into_iter().map(name).collect()
    }
}

impl Promotion {
    /// Checks the challenger in each precision in which it was measured, and compares it with the champion, if there is
    /// one, in the same precision or else in the first that the champion has. `images` describes what both were
    /// measured on.
    ///
    /// # Errors
    ///
    /// As [`Gate::evaluate`].
    pub fn new(
        model: impl Into<String>,
        gate: &Gate,
        images: impl Into<String>,
        challenger: (Contender, &[Measured]),
        champion: Option<(Contender, &[Measured])>,
    ) -> Result<Self, Error> {
        let (challenger, measured) = challenger;
        let others = champion.as_ref().map_or(&[][..], |(_, measured)| measured);
        let compare = |one: &Measured| {
            let precision = one.report.precision;
            let same = others.iter().find(|other| other.report.precision == precision);
            Comparison::new(gate, one, same.or(others.first()))
        };
        let comparisons = measured.iter().map(compare).collect::<Result<Vec<_>, _>>()?;
        let mut checks = comparisons.iter().flat_map(|one| &one.checks);
        let passed = !comparisons.is_empty() && checks.all(|check| check.passed);
        Ok(Self {
            model: model.into(),
            verdict: if passed { Verdict::Passed } else { Verdict::Refused },
            images: images.into(),
            challenger,
            champion: champion.map(|(champion, _)| champion),
            gate: gate.clone(),
            comparisons,
        })
    }

    /// The metrics that miss a limit.
    pub fn failed(&self) -> Vec<String> {
        self.comparisons.iter().flat_map(Comparison::failed).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(precision: Precision, accuracy: f64, right: [bool; 2]) -> Measured {
        let report = ContenderMetrics {
            precision,
            accuracy,
            calibration_error: Some(0.0),
            latency_ms: 1.0,
            bytes: 1,
            ..ContenderMetrics::default()
        };
        Measured { report, right: right.into(), ..Measured::default() }
    }

    fn promotion(challenger: &[Measured], champion: Option<&[Measured]>) -> Promotion {
        let of = |version, measured| (Contender::new(version, "run"), measured);
        let champion = champion.map(|measured| of(1, measured));
        let gate = Gate::default();
        Promotion::new("pets", &gate, "2 images", of(2, challenger), champion).unwrap()
    }

    #[test]
    fn a_report_can_be_written_and_read() {
        let one = [measured(Precision::Fp32, 0.5, [true, false])];
        let other = [measured(Precision::Fp32, 1.0, [true, true])];
        let report = promotion(&one, Some(&other));
        assert_eq!(report.verdict, Verdict::Refused);
        assert_eq!(report.failed(), ["accuracy"]);
        assert_eq!(report.comparisons[0].paired.unwrap().only_champion, 1);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Promotion>(&text).unwrap(), report);
        assert!(text.contains(r#""verdict":"refused""#), "{text}");

        let first = promotion(&one, None);
        assert_eq!(first.verdict, Verdict::Passed);
        assert_eq!(first.comparisons[0].paired, None);
        assert_eq!(promotion(&[], None).verdict, Verdict::Refused, "without metrics");
    }

    #[test]
    fn limits_on_known_that_were_not_checked_are_listed() {
        let version = |known: Option<f64>| {
            let mut measured = measured(Precision::Fp32, 1.0, [true, true]);
            measured.report.known = known;
            [measured.with_no_known(NoKnown::SameImages)]
        };
        let unchecked = |challenger: Option<f64>, champion: Option<f64>| {
            let report = promotion(&version(challenger), Some(&version(champion)));
            let unchecked = report.comparisons[0].unchecked(&report.gate).into_iter();
            let known = unchecked.filter(|(metric, ..)| *metric == Metric::Known);
            let kinds: Vec<Kind> = known.map(|(_, kind, _)| kind).collect();
            (kinds, report.comparisons[0].challenger.no_known)
        };
        let both = vec![Kind::Threshold, Kind::MinAbsoluteChange];
        assert_eq!(unchecked(None, None), (both, Some(NoKnown::SameImages)));
        let change = vec![Kind::MinAbsoluteChange];
        assert_eq!(unchecked(Some(1.0), None), (change, None));
        assert_eq!(unchecked(Some(1.0), Some(1.0)), (vec![], None));
        let first = promotion(&version(None), None);
        let unchecked = first.comparisons[0].unchecked(&first.gate);
        let known = (Metric::Known, Kind::Threshold, 0.9);
        assert!(unchecked.contains(&known), "{unchecked:?}");
    }

    #[test]
    fn classes_with_too_few_images_to_check_are_counted() {
        let mut one = [measured(Precision::Fp32, 1.0, [true, true])];
        let class = |images| pet_model::ClassMetrics { images, recall: 1.0, ..Default::default() };
        let unchecked = |one: &[Measured]| {
            let report = promotion(one, None);
            let comparison = &report.comparisons[0];
            let unchecked = comparison.unchecked(&report.gate).into_iter();
            let recall = unchecked.filter(|(metric, ..)| *metric == Metric::ClassRecall);
            (comparison.unchecked_classes, recall.count())
        };
        one[0].classes = [("Cat".into(), class(9)), ("Dog".into(), class(3))].into();
        assert_eq!(unchecked(&one), (2, 1));
        one[0].classes.insert("Cat".into(), class(10));
        assert_eq!(unchecked(&one), (1, 0));
    }

    #[test]
    fn each_precision_is_compared_with_the_same_if_possible() {
        let both = [Precision::Fp32, Precision::Int8];
        let challenger =
            [measured(both[0], 1.0, [true, true]), measured(both[1], 0.5, [true, false])];
        let champion = both.map(|precision| measured(precision, 0.5, [true, false]));
        let report = promotion(&challenger, Some(&champion));
        assert_eq!(report.verdict, Verdict::Passed);
        let precisions = report.comparisons.iter();
        let precisions =
            precisions.map(|one| (one.precision, one.champion.as_ref().unwrap().precision));
        assert_eq!(precisions.collect::<Vec<_>>(), both.map(|one| (one, one)));

        // The int8 model is worse than the champion.
        let better = [measured(Precision::Fp32, 1.0, [true, true])];
        let report = promotion(&challenger, Some(&better));
        assert_eq!(report.failed(), ["int8 accuracy"]);
        let beside = report.comparisons[1].champion.as_ref().unwrap();
        assert_eq!(beside.precision, Precision::Fp32);
    }
}
