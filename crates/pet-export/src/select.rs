//! Which registered version is served.

use std::cmp::Ordering;
use std::path::Path;

use mlflow_client::{Client, ModelVersion, Run};
use pet_model::{BEST_VAL_ACC, BEST_VAL_LOSS, Candidate, Selection, VAL_ACC, VAL_LOSS, stage_json};

use crate::Error;
use crate::error::doing;

/// The alias that points to the version that is served.
pub const CHAMPION: &str = "champion";

const RULE: &str = "highest val_acc; of equals the lowest val_loss; of equals the newest version";

/// Ranks all versions of `model` by the validation accuracy of their runs; see [`promote`] for what comes of it.
///
/// A run's accuracy is that of the epoch whose weights were kept (`best_val_acc`), else its last (`val_acc`).
///
/// # Errors
///
/// [`Error::NoCandidate`] when no version can be ranked, [`Error::Tracking`] when the store fails.
pub fn select(client: &Client, model: &str) -> Result<Selection, Error> {
    let mut candidates = Vec::new();
    let mut excluded = Vec::new();
    for version in client.model_versions(model) {
        let version = version.map_err(doing("list the registered versions"))?;
        match candidate(client, &version)? {
            Ok(candidate) => candidates.push(candidate),
            Err(reason) => excluded.push((version.version.to_string(), reason)),
        }
    }
    candidates.sort_by(|one, other| compare(&one.1, &other.1).then(other.0.cmp(&one.0)));
    explain(&mut candidates);
    if candidates.is_empty() && !excluded.is_empty() {
        let reasons: Vec<String> = excluded
            .iter()
            .map(|(version, reason)| format!("version {version} {reason}"))
            .collect();
        return Err(no_candidate(model, reasons.join(", ")));
    }
    first(model, RULE.into(), candidates, excluded)
}

/// Chooses `version` of `model`, however it ranks.
///
/// # Errors
///
/// [`Error::NoCandidate`] when its run has no validation accuracy, [`Error::Tracking`] when the store fails or has no
/// such version.
pub fn choose(client: &Client, model: &str, version: u32) -> Result<Selection, Error> {
    let found = client
        .model_version(model, version)
        .map_err(doing("find the version"))?;
    let (number, mut best) =
        candidate(client, &found)?.map_err(|reasons| no_candidate(model, reasons))?;
    best.reason = "asked for".into();
    let rule = format!("version {version} was asked for");
    first(model, rule, vec![(number, best)], Vec::new())
}

/// Points the alias [`CHAMPION`] to the selected version and keeps the selection in `file`. The file is complete before
/// the alias moves and takes its place afterwards, so that a full disk leaves both as they were.
///
/// # Errors
///
/// [`Error::InvalidVersion`] for a version that is not a number, [`Error::Model`] when the file cannot be written,
/// [`Error::Tracking`] when the store fails.
pub fn promote(client: &Client, selection: &Selection, file: &Path) -> Result<(), Error> {
    let staged = stage_json(file, selection)?;
    set_alias(client, selection)?;
    Ok(staged.publish()?)
}

pub(crate) fn set_alias(client: &Client, selection: &Selection) -> Result<(), Error> {
    let version = version_number(selection)?;
    client
        .set_alias(&selection.model_name, &selection.alias, version)
        .map_err(doing("set the alias"))
}

/// The selected version as the registry counts it. In a file it may be anything.
pub(crate) fn version_number(selection: &Selection) -> Result<u32, Error> {
    let number = selection.version.parse();
    number.map_err(|source| Error::InvalidVersion {
        model: selection.model_name.clone(),
        version: selection.version.clone(),
        source,
    })
}

/// The first of the candidates is selected.
fn first(
    model: &str,
    rule: String,
    candidates: Vec<(u32, Candidate)>,
    excluded: Vec<(String, String)>,
) -> Result<Selection, Error> {
    let Some((_, best)) = candidates.first().cloned() else {
        return Err(no_candidate(model, "none is registered".into()));
    };
    Ok(Selection {
        model_name: model.into(),
        rule,
        version: best.version,
        run_id: best.run_id,
        val_acc: best.val_acc,
        alias: CHAMPION.into(),
        model_sha256: None,
        int8_sha256: None,
        candidates: candidates
            .into_iter()
            .map(|(_, candidate)| candidate)
            .collect(),
        excluded,
    })
}

fn no_candidate(model: &str, reasons: String) -> Error {
    Error::NoCandidate {
        model: model.into(),
        reasons,
    }
}

/// A version with its number, or the reason why it cannot be ranked.
fn candidate(
    client: &Client,
    version: &ModelVersion,
) -> Result<Result<(u32, Candidate), String>, Error> {
    let Some(run_id) = &version.run_id else {
        return Ok(Err("names no run".into()));
    };
    let run = match client.run(run_id) {
        Ok(run) => run,
        Err(error) if error.is_not_found() => {
            return Ok(Err(format!("names the missing run `{run_id}`")));
        }
        Err(source) => {
            return Err(Error::Tracking {
                action: "read a version's run",
                source,
            });
        }
    };
    let Some(val_acc) = metric(&run, BEST_VAL_ACC, VAL_ACC) else {
        return Ok(Err(format!("has no finite val_acc in run `{run_id}`")));
    };
    let candidate = Candidate {
        version: version.version.to_string(),
        run_id: run_id.clone(),
        val_acc,
        val_loss: metric(&run, BEST_VAL_LOSS, VAL_LOSS),
        run_name: run.name,
        reason: String::new(),
    };
    Ok(Ok((version.version, candidate)))
}

/// The first of two metrics that the run has, if it is a finite number.
fn metric(run: &Run, first: &str, second: &str) -> Option<f64> {
    let metric = run.metrics.get(first).or_else(|| run.metrics.get(second))?;
    Some(metric.value).filter(|value| value.is_finite())
}

/// Better candidates first, without regard to their age.
fn compare(one: &Candidate, other: &Candidate) -> Ordering {
    let loss = |candidate: &Candidate| candidate.val_loss.unwrap_or(f64::INFINITY);
    other
        .val_acc
        .total_cmp(&one.val_acc)
        .then(loss(one).total_cmp(&loss(other)))
}

/// Says of each candidate why it stands where it stands.
fn explain(candidates: &mut [(u32, Candidate)]) {
    let Some((first, rest)) = candidates.split_first_mut() else {
        return;
    };
    let best = &mut first.1;
    best.reason = match rest.first().map(|(_, second)| second) {
        Some(second) if second.val_acc < best.val_acc => "best val_acc",
        Some(second) if compare(best, second).is_lt() => {
            "best val_acc, of equals the lowest val_loss"
        }
        Some(_) => "best val_acc, of equals the newest",
        None => "the only version",
    }
    .into();
    for (_, candidate) in rest {
        candidate.reason = if candidate.val_acc < best.val_acc {
            format!("val_acc lower by {:.4}", best.val_acc - candidate.val_acc)
        } else if compare(best, candidate).is_lt() {
            "same val_acc, higher val_loss".into()
        } else {
            "same val_acc and val_loss, older".into()
        };
    }
}

#[cfg(test)]
mod tests {
    use mlflow_client::{Batch, NewModelVersion, NewRun, now};
    use pet_model::read_json;

    use super::*;

    struct Registry {
        folder: tempfile::TempDir,
        client: Client,
        experiment: String,
    }

    impl Registry {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let client = Client::local(folder.path()).unwrap();
            let experiment = client.experiment("e").unwrap().id;
            client
                .register_model("pets", "", &std::collections::BTreeMap::new())
                .unwrap();
            Self {
                folder,
                client,
                experiment,
            }
        }

        fn version(&self, metrics: &[(&str, f64)]) -> u32 {
            let run = self
                .client
                .create_run(&self.experiment, &NewRun::new("r", now()))
                .unwrap();
            let batch = metrics.iter().fold(Batch::new(), |batch, (key, value)| {
                batch.metric(*key, *value, now(), 0)
            });
            self.client.log_batch(&run.id, &batch).unwrap();
            let source = format!("{}/model", run.artifact_uri);
            let version = NewModelVersion::new("pets", source).run_id(&run.id);
            self.client.create_model_version(&version).unwrap().version
        }
    }

    fn order(selection: &Selection) -> Vec<&str> {
        selection
            .candidates
            .iter()
            .map(|candidate| candidate.version.as_str())
            .collect()
    }

    #[test]
    fn accuracy_then_loss_then_age_decide() {
        let registry = Registry::new();
        registry.version(&[("val_acc", 0.80), ("val_loss", 0.1)]);
        registry.version(&[("val_acc", 0.90), ("val_loss", 0.5)]);
        registry.version(&[("val_acc", 0.90), ("val_loss", 0.4)]);
        registry.version(&[("val_acc", 0.90), ("val_loss", 0.4)]);
        registry.version(&[("val_acc", 0.90)]);
        let selection = select(&registry.client, "pets").unwrap();
        assert_eq!(order(&selection), ["4", "3", "2", "5", "1"]);
        let reasons: Vec<_> = selection
            .candidates
            .iter()
            .map(|one| one.reason.as_str())
            .collect();
        assert_eq!(reasons[0], "best val_acc, of equals the newest");
        assert_eq!(reasons[1], "same val_acc and val_loss, older");
        assert_eq!(reasons[2], "same val_acc, higher val_loss");
        assert_eq!(reasons[4], "val_acc lower by 0.1000");
        let champion = || registry.client.model_version_by_alias("pets", CHAMPION);
        assert!(champion().is_err(), "to rank is not to promote");
        let file = registry.folder.path().join("results/selection.json");
        promote(&registry.client, &selection, &file).unwrap();
        assert_eq!(champion().unwrap().version, 4);
        assert_eq!(read_json::<Selection>(&file).unwrap(), selection);
    }

    #[test]
    fn a_selection_that_cannot_be_kept_leaves_the_alias() {
        let registry = Registry::new();
        registry.version(&[("val_acc", 0.5)]);
        let selection = select(&registry.client, "pets").unwrap();
        let taken = registry.folder.path().join("taken");
        fs_err::write(&taken, b"a file").unwrap();
        let error = promote(&registry.client, &selection, &taken.join("selection.json"));
        assert!(matches!(error, Err(Error::Model { .. })));
        assert!(
            registry
                .client
                .model_version_by_alias("pets", CHAMPION)
                .is_err()
        );
    }

    #[test]
    fn a_version_that_is_no_number_is_refused() {
        let registry = Registry::new();
        registry.version(&[("val_acc", 0.5)]);
        let selection = Selection {
            version: "best".into(),
            ..select(&registry.client, "pets").unwrap()
        };
        let file = registry.folder.path().join("selection.json");
        let error = promote(&registry.client, &selection, &file).unwrap_err();
        assert!(error.to_string().contains("`best`"), "{error}");
        assert!(error.hint().is_some() && !file.exists());
    }

    #[test]
    fn the_kept_epoch_counts_more_than_the_last() {
        let registry = Registry::new();
        registry.version(&[("val_acc", 0.70), ("best_val_acc", 0.95)]);
        registry.version(&[("val_acc", 0.90)]);
        assert_eq!(
            order(&select(&registry.client, "pets").unwrap()),
            ["1", "2"]
        );
    }

    #[test]
    fn versions_without_a_finite_accuracy_are_left_out_with_the_reason() {
        let registry = Registry::new();
        registry.version(&[("val_acc", f64::NAN)]);
        registry.version(&[("loss", 1.0)]);
        let error = select(&registry.client, "pets").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("version 1 has no finite val_acc"),
            "{error}"
        );
        let good = registry.version(&[("val_acc", 0.5)]);
        let selection = select(&registry.client, "pets").unwrap();
        assert_eq!(selection.version, good.to_string());
        assert_eq!(selection.excluded.len(), 2);
    }

    #[test]
    fn a_model_without_versions_is_an_error_with_a_hint() {
        let registry = Registry::new();
        let error = select(&registry.client, "pets").unwrap_err();
        assert!(error.to_string().contains("none is registered"), "{error}");
        assert!(error.hint().unwrap().contains("train"));
    }
}
