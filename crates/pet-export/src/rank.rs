//! Ranking of versions trained on the same data.

use std::cmp::Ordering;

use mlflow_client::{Client, ModelVersion, Run};
use pet_model::{
    BEST_VAL_ACC, BEST_VAL_LOSS, Candidate, MULTIPLY_ADDS, TrainedOn, VAL_ACC, VAL_LOSS,
};
use pet_pipeline::trained_on;

use crate::error::{Error, doing};

/// What makes a version the best.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// The highest validation accuracy.
    #[default]
    Accuracy,
    /// The fewest multiply-adds within one point of the highest validation accuracy: about one standard error with a
    /// thousand validation images.
    Balanced,
    /// The fewest multiply-adds within three points of the highest validation accuracy.
    Speed,
}

impl Preference {
    /// How much lower than the highest validation accuracy a faster version may be.
    fn tolerance(self) -> Option<f64> {
        match self {
            Self::Accuracy => None,
            Self::Balanced => Some(0.01),
            Self::Speed => Some(0.03),
        }
    }

    /// The rule in words, which [`Selection::rule`](pet_model::Selection::rule) records.
    pub(crate) fn rule(self) -> String {
        const TIES: &str = "ties are broken by the lowest val_loss, then by the newest version";
        match self.tolerance() {
            None => format!("highest val_acc; {TIES}"),
            Some(tolerance) => format!(
                "fewest multiply-adds with a val_acc at most {tolerance} below the highest; of these the highest \
                 val_acc; {TIES}"
            ),
        }
    }
}

/// A version with its metrics and its training data.
#[derive(Clone)]
pub(crate) struct Measured {
    pub(crate) number: u32,
    pub(crate) candidate: Candidate,
    pub(crate) data: Option<TrainedOn>,
}

/// Reads the metrics of a version; the inner error is the reason why it cannot be ranked.
pub(crate) fn measured(
    client: &Client,
    version: &ModelVersion,
) -> Result<Result<Measured, String>, Error> {
    let Some(run_id) = &version.run_id else {
        return Ok(Err("names no run".into()));
    };
    let run = match client.run(run_id) {
        Ok(run) => run,
        Err(error) if error.is_not_found() => {
            return Ok(Err(format!("names the missing run `{run_id}`")));
        }
        Err(error) => return Err(doing("read a version's run")(error)),
    };
    let Some(val_acc) = metric(&run, BEST_VAL_ACC, VAL_ACC) else {
        return Ok(Err(format!("has no finite val_acc in run `{run_id}`")));
    };
    let data = trained_on(&run);
    let candidate = Candidate {
        version: version.version.to_string(),
        run_id: run_id.clone(),
        val_acc,
        val_loss: metric(&run, BEST_VAL_LOSS, VAL_LOSS),
        multiply_adds: run.params.get(MULTIPLY_ADDS).and_then(|work| work.parse().ok()),
        run_name: run.name,
        reason: String::new(),
    };
    Ok(Ok(Measured { number: version.version, candidate, data }))
}

/// The value of metric `first`, else of `second`, if it is finite.
fn metric(run: &Run, first: &str, second: &str) -> Option<f64> {
    let metric = run.metrics.get(first).or_else(|| run.metrics.get(second))?;
    Some(metric.value).filter(|value| value.is_finite())
}

/// Why a version cannot be compared with those trained on `data`; `None` if it can.
pub(crate) fn other_data(version: &Measured, data: Option<&TrainedOn>) -> Option<String> {
    match (&version.data, data) {
        (one, other) if one.as_ref() == other => None,
        (None, _) => Some("has no record of its training data".into()),
        (Some(one), Some(other)) if one.digest == other.digest => {
            Some(format!("was trained with a different split: {}", one.split))
        }
        (Some(one), _) => Some(format!("was trained on different data: {}", one.short())),
    }
}

/// Sorts by accuracy, but the best by the preference first, and sets the reason for each rank.
pub(crate) fn rank(versions: &mut [Measured], preference: Preference) {
    versions.sort_by(|one, other| {
        compare(&one.candidate, &other.candidate).then(other.number.cmp(&one.number))
    });
    explain(versions);
    if let Some(tolerance) = preference.tolerance() {
        prefer_faster(versions, tolerance);
    }
}

/// Moves the fastest of the versions whose accuracy is high enough to the front.
fn prefer_faster(versions: &mut [Measured], tolerance: f64) {
    let Some(highest) = versions.first().map(|version| version.candidate.val_acc) else {
        return;
    };
    // Accuracies are quotients, so that a loss of exactly the tolerance may come out a little larger.
    let least = highest - tolerance - 1e-9;
    let enough = versions.iter().map(|version| &version.candidate);
    let enough = enough.enumerate().take_while(|(_, one)| one.val_acc >= least);
    let fastest = enough.filter_map(|(index, one)| Some((one.multiply_adds?, index))).min();
    if let Some((_, index)) = fastest {
        versions[..=index].rotate_right(1);
        versions[0].candidate.reason =
            format!("fewest multiply-adds with a val_acc of at least {least:.4}");
    }
}

/// Compares the metrics of two candidates, the better first.
fn compare(one: &Candidate, other: &Candidate) -> Ordering {
    let loss = |candidate: &Candidate| candidate.val_loss.unwrap_or(f64::INFINITY);
    other.val_acc.total_cmp(&one.val_acc).then(loss(one).total_cmp(&loss(other)))
}

fn explain(versions: &mut [Measured]) {
    let Some((first, rest)) = versions.split_first_mut() else {
        return;
    };
    let best = &mut first.candidate;
    best.reason = match rest.first().map(|second| &second.candidate) {
        Some(second) if second.val_acc < best.val_acc => "best val_acc",
        Some(second) if compare(best, second).is_lt() => {
            "best val_acc, tie broken by the lowest val_loss"
        }
        Some(_) => "best val_acc, tie broken by the newest version",
        None => "the only version",
    }
    .into();
    for candidate in rest.iter_mut().map(|version| &mut version.candidate) {
        candidate.reason = if candidate.val_acc < best.val_acc {
            format!("val_acc lower by {:.4}", best.val_acc - candidate.val_acc)
        } else if compare(best, candidate).is_lt() {
            "same val_acc, higher val_loss".into()
        } else {
            "same val_acc and val_loss, older".into()
        };
    }
}
