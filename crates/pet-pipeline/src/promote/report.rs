//! `promotion.json`: what was compared, and what came of it.

use serde::{Deserialize, Serialize};

use super::check::{Check, judge, paired};
use super::gate::Gate;
use super::mcnemar::Paired;
use super::measured::Measured;
use crate::error::Error;

/// A comparison of two versions of a registered model and its outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Promotion {
    /// The registered model.
    pub model: String,
    /// What came of it.
    pub verdict: Verdict,
    /// The images that both were measured on, in words.
    pub images: String,
    /// The version that was to become the champion.
    pub challenger: Contender,
    /// The version that was the champion, if there was one.
    pub champion: Option<Contender>,
    /// The images counted by which of the two is right, if there are two.
    pub paired: Option<Paired>,
    /// What was required.
    pub gate: Gate,
    /// Each limit that was looked at.
    pub checks: Vec<Check>,
}

/// What came of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// The challenger meets every limit.
    Passed,
    /// It misses one.
    Refused,
}

/// One of the two versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Contender {
    /// The version in the registry.
    pub version: u32,
    /// The run that trained it.
    pub run_id: String,
    /// Share of images whose first guess is right, 0 to 1.
    pub accuracy: f64,
    /// Mean of the classes' F1 scores, 0 to 1.
    pub macro_f1: f64,
    /// Expected calibration error, 0 to 1.
    pub calibration_error: Option<f64>,
    /// Time of one prediction in milliseconds.
    pub latency_ms: f64,
    /// Size of the model file in bytes.
    pub bytes: u64,
}

impl Contender {
    /// A version with its figures.
    pub fn new(version: u32, run_id: impl Into<String>, measured: &Measured) -> Self {
        let figures = &measured.figures;
        Self {
            version,
            run_id: run_id.into(),
            accuracy: figures.top1,
            macro_f1: figures.macro_f1,
            calibration_error: figures.calibration.as_ref().map(|one| one.error),
            latency_ms: measured.latency_ms,
            bytes: measured.bytes,
        }
    }
}

impl Promotion {
    /// Holds the challenger against the gate, and against the champion if there is one. `images` says in words what both
    /// were measured on.
    ///
    /// # Errors
    ///
    /// As [`judge`].
    pub fn new(
        model: impl Into<String>,
        gate: &Gate,
        images: impl Into<String>,
        challenger: (Contender, &Measured),
        champion: Option<(Contender, &Measured)>,
    ) -> Result<Self, Error> {
        let (challenger, measured) = challenger;
        let beside = champion.as_ref().map(|(_, measured)| *measured);
        let checks = judge(gate, measured, beside)?;
        let passed = checks.iter().all(|check| check.passed);
        Ok(Self {
            model: model.into(),
            verdict: if passed {
                Verdict::Passed
            } else {
                Verdict::Refused
            },
            images: images.into(),
            challenger,
            paired: beside.map(|beside| paired(measured, beside)).transpose()?,
            champion: champion.map(|(champion, _)| champion),
            gate: gate.clone(),
            checks,
        })
    }

    /// The figures that miss a limit, each once.
    pub fn failed(&self) -> Vec<&'static str> {
        let failed = self.checks.iter().filter(|check| !check.passed);
        let mut names: Vec<_> = failed.map(|check| check.metric.name()).collect();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(accuracy: f64, right: [bool; 2]) -> Measured {
        Measured {
            figures: pet_model::SplitMetrics {
                top1: accuracy,
                calibration: Some(pet_model::Calibration::default()),
                ..Default::default()
            },
            right: right.into(),
            latency_ms: 1.0,
            bytes: 1,
        }
    }

    #[test]
    fn a_report_is_written_and_read_back() {
        let (one, other) = (measured(0.5, [true, false]), measured(1.0, [true, true]));
        let of = |version, measured| (Contender::new(version, "run", measured), measured);
        let new = Promotion::new(
            "pets",
            &Gate::default(),
            "2 images",
            of(2, &one),
            Some(of(1, &other)),
        );
        let report = new.unwrap();
        assert_eq!(report.verdict, Verdict::Refused);
        assert_eq!(report.failed(), ["accuracy"]);
        assert_eq!(report.paired.unwrap().only_champion, 1);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Promotion>(&text).unwrap(), report);
        assert!(text.contains(r#""verdict":"refused""#), "{text}");

        let first = Promotion::new("pets", &Gate::default(), "", of(2, &one), None).unwrap();
        assert_eq!((first.verdict, first.paired), (Verdict::Passed, None));
    }
}
