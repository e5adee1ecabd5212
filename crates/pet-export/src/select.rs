//! Selection of a registered version.

use mlflow_client::{Client, ModelVersion, RegisteredModel};
use pet_model::{Selection, TrainedOn};

use crate::error::{Error, doing};
use crate::rank::{Measured, Preference, measured, other_data, rank};
use crate::role::{CHALLENGER, CHAMPION};

/// Ranks the versions of `model` that were trained on the same data by the validation accuracy of their runs:
/// `best_val_acc`, else `val_acc`; the first is the best by the preference. `digest` is a prefix of the data's digest, by
/// default that of the newest version.
/// The selection lists excluded versions with the reason; [`challenge`] marks the best.
///
/// # Errors
///
/// [`Error::NoCandidate`] if no version can be ranked, [`Error::NoData`] if none has this data, [`Error::Tracking`] if the
/// store fails.
pub fn select_on(
    client: &Client,
    model: &str,
    digest: Option<&str>,
    preference: Preference,
) -> Result<Selection, Error> {
    let (mut versions, mut excluded) = (Vec::new(), Vec::new());
    for version in client.model_versions(model) {
        let version = version.map_err(doing("list the registered versions"))?;
        match measured(client, &version)? {
            Ok(one) => versions.push(one),
            Err(reason) => excluded.push((version.version, reason)),
        }
    }
    let data = data(model, &versions, digest)?;
    versions.retain(|version| match other_data(version, data.as_ref()) {
        None => true,
        Some(reason) => {
            excluded.push((version.number, reason));
            false
        }
    });
    rank(&mut versions, preference);
    excluded.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    if versions.is_empty() && !excluded.is_empty() {
        let reasons = excluded.iter();
        let reasons = reasons.map(|(version, reason)| format!("version {version} {reason}"));
        return Err(no_candidate(model, reasons.collect::<Vec<_>>().join(", ")));
    }
    first(model, preference.rule(), versions, excluded)
}

/// Calls [`select_on`] with the data of the newest version, preferring accuracy.
///
/// # Errors
///
/// As [`select_on`].
pub fn select(client: &Client, model: &str) -> Result<Selection, Error> {
    select_on(client, model, None, Preference::Accuracy)
}

/// Chooses `version` of `model` regardless of its rank.
///
/// # Errors
///
/// [`Error::NoCandidate`] if its run has no validation accuracy, [`Error::Tracking`] if the store fails or has no such
/// version.
pub fn choose(client: &Client, model: &str, version: u32) -> Result<Selection, Error> {
    let found = client.model_version(model, version).map_err(doing("find the version"))?;
    let rule = format!("version {version} was requested");
    let chosen = only(client, model, &found, rule)?;
    Ok(Selection { alias: String::new(), ..chosen })
}

/// Chooses the version with an alias. If it ranks best, the selection lists the other candidates too.
///
/// # Errors
///
/// [`Error::NoAlias`] if there is no such alias, and as [`choose`].
pub fn choose_alias(client: &Client, model: &str, alias: &str) -> Result<Selection, Error> {
    let registered = client.registered_model(model).map_err(doing("find the registered model"))?;
    let version = resolve_alias(&registered, alias)?;
    let found = client.model_version(model, version).map_err(doing("find the version"))?;
    choose_found(client, model, alias, &found)
}

/// [`choose_alias`] for the version `found` at the alias, which may have moved since.
fn choose_found(
    client: &Client,
    model: &str,
    alias: &str,
    found: &ModelVersion,
) -> Result<Selection, Error> {
    let rule = format!("the alias {alias} points to version {}", found.version);
    let chosen = only(client, model, found, rule)?;
    let digest = chosen.dataset.as_ref().map(|data| data.digest.as_str());
    let chosen = match select_on(client, model, digest, Preference::Accuracy) {
        Ok(best) if best.version == chosen.version => best,
        Ok(_) | Err(Error::NoCandidate { .. } | Error::NoData { .. }) => chosen,
        Err(error) => return Err(error),
    };
    Ok(Selection { alias: alias.into(), ..chosen })
}

/// The version an alias points to.
pub(crate) fn resolve_alias(registered: &RegisteredModel, alias: &str) -> Result<u32, Error> {
    let unknown = || Error::NoAlias { model: registered.name.clone(), alias: alias.to_owned() };
    registered.aliases.get(alias).copied().ok_or_else(unknown)
}

/// The version exported by default: the [`CHAMPION`], else the [`CHALLENGER`], else the best.
///
/// # Errors
///
/// As [`choose`] and [`select_on`].
pub fn current(client: &Client, model: &str) -> Result<Selection, Error> {
    for alias in [CHAMPION, CHALLENGER] {
        match client.model_version_by_alias(model, alias) {
            Ok(found) => return choose_found(client, model, alias, &found),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(doing("find the version with the alias")(error)),
        }
    }
    let best = select(client, model)?;
    Ok(Selection { alias: String::new(), ..best })
}

/// Points the alias [`CHALLENGER`] to the selected version, and records the rule in a tag.
///
/// # Errors
///
/// [`Error::InvalidVersion`] for a version that is not a number, [`Error::Tracking`] if the store fails.
pub fn challenge(client: &Client, selection: &Selection) -> Result<(), Error> {
    let (model, version) = (&selection.model_name, version_number(selection)?);
    client.set_alias(model, CHALLENGER, version).map_err(doing("set the alias"))?;
    let noted = client.set_model_version_tag(model, version, "selection_rule", &selection.rule);
    noted.map_err(doing("note the selection"))
}

/// The version number of a selection, which is free text in its file.
pub(crate) fn version_number(selection: &Selection) -> Result<u32, Error> {
    selection.version.parse().map_err(|source| Error::InvalidVersion {
        model: selection.model_name.clone(),
        version: selection.version.clone(),
        source,
    })
}

/// The training data to compare versions on: that with the digest prefix, else that of the newest version with any.
fn data(
    model: &str,
    versions: &[Measured],
    digest: Option<&str>,
) -> Result<Option<TrainedOn>, Error> {
    let known = versions.iter().filter_map(|one| Some((one.number, one.data.as_ref()?)));
    let found = known.filter(|(_, data)| data.digest.starts_with(digest.unwrap_or_default()));
    let newest = found.max_by_key(|(number, _)| *number);
    match (newest, digest) {
        (None, Some(digest)) => Err(Error::NoData { model: model.into(), digest: digest.into() }),
        (newest, _) => Ok(newest.map(|(_, data)| data.clone())),
    }
}

/// Selects one version, without other candidates.
pub(crate) fn only(
    client: &Client,
    model: &str,
    version: &ModelVersion,
    rule: String,
) -> Result<Selection, Error> {
    let excluded = |reason| no_candidate(model, format!("version {} {reason}", version.version));
    let mut best = measured(client, version)?.map_err(excluded)?;
    best.candidate.reason = "asked for".into();
    first(model, rule, vec![best], Vec::new())
}

/// Selects the first of the versions.
fn first(
    model: &str,
    rule: String,
    versions: Vec<Measured>,
    excluded: Vec<(u32, String)>,
) -> Result<Selection, Error> {
    let Some(Measured { candidate: best, data, .. }) = versions.first().cloned() else {
        return Err(no_candidate(model, "none is registered".into()));
    };
    let excluded = excluded.into_iter();
    Ok(Selection {
        model_name: model.into(),
        rule,
        version: best.version,
        run_id: best.run_id,
        val_acc: best.val_acc,
        alias: CHALLENGER.into(),
        dataset: data,
        model_sha256: None,
        int8_sha256: None,
        candidates: versions.into_iter().map(|one| one.candidate).collect(),
        excluded: excluded.map(|(version, reason)| (version.to_string(), reason)).collect(),
    })
}

fn no_candidate(model: &str, reasons: String) -> Error {
    Error::NoCandidate { model: model.into(), reasons }
}

#[cfg(test)]
mod tests {
    use mlflow_client::{Batch, NewModelVersion, NewRun, now};
    use pet_model::MULTIPLY_ADDS;

    use super::*;

    struct Registry {
        _folder: tempfile::TempDir,
        client: Client,
        experiment: String,
    }

    impl Registry {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let client = Client::local(folder.path()).unwrap();
            let experiment = client.experiment("e").unwrap().id;
            client.register_model("pets", "", &std::collections::BTreeMap::new()).unwrap();
            Self { _folder: folder, client, experiment }
        }

        fn version(&self, metrics: &[(&str, f64)]) -> u32 {
            self.version_with(metrics, &[], None)
        }

        fn version_with(
            &self,
            metrics: &[(&str, f64)],
            tags: &[(&str, &str)],
            multiply_adds: Option<u64>,
        ) -> u32 {
            let run = self.client.create_run(&self.experiment, &NewRun::new("r", now())).unwrap();
            let batch = metrics
                .iter()
                .fold(Batch::new(), |batch, (key, value)| batch.metric(*key, *value, now(), 0));
            let batch = tags.iter().fold(batch, |batch, (key, value)| batch.tag(*key, *value));
            let work = multiply_adds.map(|work| (MULTIPLY_ADDS, work.to_string()));
            let batch = batch.params(work);
            self.client.log_batch(&run.id, &batch).unwrap();
            let source = format!("{}/model", run.artifact_uri);
            let version = NewModelVersion::new("pets", source).run_id(&run.id);
            self.client.create_model_version(&version).unwrap().version
        }
    }

    fn order(selection: &Selection) -> Vec<&str> {
        selection.candidates.iter().map(|candidate| candidate.version.as_str()).collect()
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
        let reasons: Vec<_> = selection.candidates.iter().map(|one| one.reason.as_str()).collect();
        assert_eq!(reasons[0], "best val_acc, tie broken by the newest version");
        assert_eq!(reasons[1], "same val_acc and val_loss, older");
        assert_eq!(reasons[2], "same val_acc, higher val_loss");
        assert_eq!(reasons[4], "val_acc lower by 0.1000");
        let alias = |name| registry.client.model_version_by_alias("pets", name);
        assert!(alias(CHALLENGER).is_err(), "to rank is not to mark");
        challenge(&registry.client, &selection).unwrap();
        assert_eq!(alias(CHALLENGER).unwrap().version, 4);
        assert!(alias(CHAMPION).is_err(), "to mark is not to promote");
    }

    #[test]
    fn a_preference_for_speed_accepts_a_limited_loss_of_accuracy() {
        let registry = Registry::new();
        let version = |val_acc, work| registry.version_with(&[("val_acc", val_acc)], &[], work);
        version(0.80, Some(10));
        version(0.92, Some(20));
        version(0.94, Some(30));
        version(0.95, Some(90));
        version(0.945, None);
        let chosen = |preference| {
            let selection = select_on(&registry.client, "pets", None, preference).unwrap();
            assert_eq!(selection.candidates[0].version, selection.version);
            assert_eq!(selection.candidates.len(), 5);
            selection
        };
        assert_eq!(order(&chosen(Preference::Accuracy)), ["4", "5", "3", "2", "1"]);
        let balanced = chosen(Preference::Balanced);
        assert_eq!(order(&balanced), ["3", "4", "5", "2", "1"], "0.94 is within a point");
        assert!(balanced.rule.contains("0.01 below"), "{}", balanced.rule);
        assert_eq!(order(&chosen(Preference::Speed)), ["2", "4", "5", "3", "1"]);
    }

    #[test]
    fn only_versions_of_the_same_data_compete() {
        let registry = Registry::new();
        let pets = [("dataset", "pets"), ("dataset_digest", "0123456789")];
        let sample = [("dataset", "sample"), ("dataset_digest", "abcdef0123")];
        registry.version_with(&[("val_acc", 0.99)], &sample, None);
        registry.version_with(&[("val_acc", 0.8)], &pets, None);
        registry.version(&[("val_acc", 1.0)]);
        registry.version_with(&[("val_acc", 0.7)], &pets, None);
        let selection = select(&registry.client, "pets").unwrap();
        assert_eq!(order(&selection), ["2", "4"]);
        assert_eq!(selection.dataset.as_ref().unwrap().name, "pets");
        let reasons = [
            ("3", "has no record of its training data"),
            ("1", "was trained on different data: sample abcdef01"),
        ];
        let reasons = reasons.map(|(version, reason)| (version.to_owned(), reason.to_owned()));
        assert_eq!(selection.excluded, reasons);
        let asked = select_on(&registry.client, "pets", Some("abc"), Preference::Accuracy).unwrap();
        assert_eq!(asked.version, "1");
        let error =
            select_on(&registry.client, "pets", Some("fff"), Preference::Accuracy).unwrap_err();
        assert!(error.to_string().contains("`fff`"), "{error}");
    }

    #[test]
    fn an_alias_chooses_its_version_and_champions_come_before_challengers() {
        let registry = Registry::new();
        registry.version(&[("val_acc", 0.5)]);
        registry.version(&[("val_acc", 0.9)]);
        let client = &registry.client;
        assert_eq!(current(client, "pets").unwrap().version, "2");
        client.set_alias("pets", CHALLENGER, 1).unwrap();
        let chosen = current(client, "pets").unwrap();
        assert_eq!((chosen.version.as_str(), chosen.alias.as_str()), ("1", CHALLENGER));
        assert_eq!(chosen.candidates.len(), 1);
        client.set_alias("pets", CHAMPION, 2).unwrap();
        let chosen = current(client, "pets").unwrap();
        assert_eq!((chosen.version.as_str(), chosen.alias.as_str()), ("2", CHAMPION));
        assert_eq!(order(&chosen), ["2", "1"]);
        let error = choose_alias(client, "pets", "best").unwrap_err();
        assert!(matches!(error, Error::NoAlias { .. }), "{error}");
    }

    #[test]
    fn a_version_that_is_no_number_is_refused() {
        let registry = Registry::new();
        registry.version(&[("val_acc", 0.5)]);
        let selection =
            Selection { version: "best".into(), ..select(&registry.client, "pets").unwrap() };
        let error = challenge(&registry.client, &selection).unwrap_err();
        assert!(error.to_string().contains("`best`"), "{error}");
        assert!(error.hint().is_some());
    }

    #[test]
    fn the_kept_epoch_counts_more_than_the_last() {
        let registry = Registry::new();
        registry.version(&[("val_acc", 0.70), ("best_val_acc", 0.95)]);
        registry.version(&[("val_acc", 0.90)]);
        assert_eq!(order(&select(&registry.client, "pets").unwrap()), ["1", "2"]);
    }

    #[test]
    fn versions_without_a_finite_accuracy_are_left_out_with_the_reason() {
        let registry = Registry::new();
        registry.version(&[("val_acc", f64::NAN)]);
        registry.version(&[("loss", 1.0)]);
        let error = select(&registry.client, "pets").unwrap_err();
        assert!(error.to_string().contains("version 1 has no finite val_acc"), "{error}");
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
