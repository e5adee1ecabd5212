//! The challenger and the champion of a promotion.

use std::path::Path;

use mlflow_client::Client;
use pet_model::{Precision, REFIT_OF, SELECTION_FILE, Selection, class_difference, read_json};
use pet_pipeline::promote::{Promotion, Verdict};

use crate::error::{Error, doing};
use crate::export::{Exported, Exporter};
use crate::results::digest;
use crate::role::{CHAMPION, Role};
use crate::select::{only, resolve_alias};

/// Tag: the outcome of the last promotion, named as in MLflow's documentation.
const STATUS: &str = "validation_status";

/// The challenger and the current champion of a registered model.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Contest {
    /// The version proposed as champion.
    pub challenger: Contestant,
    /// The version with the alias [`CHAMPION`], if there is one.
    pub champion: Option<Contestant>,
}

/// A version in a [`Contest`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Contestant {
    /// Challenger or champion.
    pub role: Role,
    /// Its number in the registry.
    pub version: u32,
    /// Its metrics and data, from the registry and its run.
    pub selection: Selection,
    /// For a refit, which was trained on the validation images too, the run it refits.
    pub refit_of: Option<String>,
}

/// How the challenger is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionRef<'a> {
    /// An alias, such as [`CHALLENGER`](crate::CHALLENGER).
    Alias(&'a str),
    /// A version number.
    Version(u32),
}

impl Contest {
    /// Finds both versions in the registry; without a version with the alias [`CHAMPION`] there is no champion yet.
    ///
    /// # Errors
    ///
    /// [`Error::NoAlias`] for an alias that does not exist, [`Error::Contestant`] for a version that is missing or has
    /// no metrics, [`Error::Tracking`] for an unknown model or a failure of the store.
    pub fn find(client: &Client, model: &str, version: VersionRef<'_>) -> Result<Self, Error> {
        let registered = client.registered_model(model);
        let registered = registered.map_err(doing("find the registered model"))?;
        let challenger = match version {
            VersionRef::Version(version) => version,
            VersionRef::Alias(alias) => resolve_alias(&registered, alias)?,
        };
        let champion = registered.aliases.get(CHAMPION);
        let find = |role, version| Contestant::find(client, model, role, version);
        Ok(Self {
            challenger: find(Role::Challenger, challenger)?,
            champion: champion.map(|version| find(Role::Champion, *version)).transpose()?,
        })
    }

    /// Whether the challenger is the champion already.
    pub fn is_settled(&self) -> bool {
        self.champion.as_ref().is_some_and(|one| one.version == self.challenger.version)
    }

    /// The challenger, then the champion if there is one.
    pub(crate) fn both(&self) -> impl Iterator<Item = &Contestant> {
        std::iter::once(&self.challenger).chain(&self.champion)
    }

    /// Checks that both were trained on the same images, so that neither has seen the validation images.
    pub(crate) fn check_same_data(&self) -> Result<(), Error> {
        let mut all = Vec::new();
        for one in self.both() {
            let unknown = || format!("the {} has no record of its training data", one.role);
            let data = one.selection.dataset.as_ref();
            all.push(data.ok_or_else(|| self.incomparable(unknown()))?);
        }
        let [challenger, champion] = all.as_slice() else {
            return Ok(());
        };
        if champion.digest != challenger.digest {
            let (one, other) = (champion.short(), challenger.short());
            let reason = format!("the champion was trained on {one}, the challenger on {other}");
            return Err(self.incomparable(reason));
        }
        if champion.split != challenger.split {
            let (one, other) = (&champion.split, &challenger.split);
            return Err(self.incomparable(format!(
                "the champion's data set was split otherwise ({one}) than the challenger's ({other})"
            )));
        }
        Ok(())
    }

    /// Checks that both have the same classes.
    pub(crate) fn check_same_classes(
        &self,
        challenger: &[String],
        champion: &[String],
    ) -> Result<(), Error> {
        let Some(difference) = class_difference(champion, challenger) else {
            return Ok(());
        };
        let (index, (one, other)) = (difference.index, difference.names());
        let reason = format!("class {index} is {one} for the champion, {other} for the challenger");
        Err(self.incomparable(reason))
    }

    fn incomparable(&self, reason: String) -> Error {
        Error::Incomparable {
            model: self.challenger.selection.model_name.clone(),
            challenger: self.challenger.version,
            champion: self.champion.as_ref().map(|one| one.version),
            reason,
        }
    }
}

impl Contestant {
    fn find(client: &Client, model: &str, role: Role, version: u32) -> Result<Self, Error> {
        let find = || {
            let found = client.model_version(model, version).map_err(doing("find the version"))?;
            let rule = format!("version {version} is the {role}");
            Ok(Self {
                role,
                version,
                selection: only(client, model, &found, rule)?,
                refit_of: found.tags.get(REFIT_OF).cloned(),
            })
        };
        find().map_err(|source| unusable(role, model, version, source))
    }

    /// The precisions in which `folder` holds this version; none if it holds another one.
    pub(crate) fn precisions_in(&self, folder: &Path) -> Vec<Precision> {
        let own = &self.selection;
        precisions(folder, |kept| {
            kept.run_id == own.run_id
                && kept.version == own.version
                && kept.model_name == own.model_name
        })
    }

    /// Exports the version into a folder.
    pub(crate) fn export(&self, exporter: &Exporter<'_>, folder: &Path) -> Result<Exported, Error> {
        let model = &self.selection.model_name;
        let exported = exporter.export(&self.selection, folder);
        exported.map_err(|source| unusable(self.role, model, self.version, source))
    }
}

/// The precisions of the models in a folder whose digests are those in its selection, if that is an expected one.
pub(crate) fn precisions(
    folder: &Path,
    is_expected: impl Fn(&Selection) -> bool,
) -> Vec<Precision> {
    let kept: Option<Selection> = read_json(&folder.join(SELECTION_FILE)).ok();
    let Some(kept) = kept.filter(is_expected) else {
        return Vec::new();
    };
    let is_named = |precision: &Precision| {
        let expected = match precision {
            Precision::Int8 => &kept.int8_sha256,
            Precision::Fp32 => &kept.model_sha256,
        };
        expected.is_some() && digest(&folder.join(precision.file())).ok() == *expected
    };
    // The int8 model is not served without the one it was made from.
    Precision::ALL.into_iter().take_while(is_named).collect()
}

/// Records the metrics as tags of the challenger. If it passed, the alias [`CHAMPION`] is moved to it, provided that
/// the champion is still the one it was compared with. The outcome is recorded last.
///
/// # Errors
///
/// [`Error::Tracking`] if the store fails or the alias has moved in the meantime; the champion is then unchanged.
pub fn promote(client: &Client, promotion: &Promotion) -> Result<(), Error> {
    let (model, version) = (&promotion.model, promotion.challenger.version);
    let note = |key: &str, value: &str| {
        let noted = client.set_model_version_tag(model, version, key, value);
        noted.map_err(doing("note the promotion"))
    };
    for (key, value) in tags(promotion) {
        note(&key, &value)?;
    }
    if promotion.verdict != Verdict::Passed {
        return note(STATUS, "rejected");
    }
    let from = promotion.champion.as_ref().map(|one| one.version);
    let moved = client.move_alias(model, CHAMPION, from, version);
    moved.map_err(doing("move the alias of the champion"))?;
    note(STATUS, "approved")
}

/// The tags of the challenger after a comparison; those of an int8 model end in `_int8`.
fn tags(promotion: &Promotion) -> Vec<(String, String)> {
    let none = || "none".to_owned();
    let failed = promotion.failed().join(", ");
    let champion = promotion.champion.as_ref();
    let mut tags = vec![
        ("promotion_failed".into(), if failed.is_empty() { none() } else { failed }),
        ("promotion_against".into(), champion.map_or_else(none, |one| one.version.to_string())),
        ("promotion_images".into(), promotion.images.clone()),
    ];
    for one in &promotion.comparisons {
        let key = |name| one.precision.key(name);
        // As short as possible: `1` or `3.1e-9`.
        let p_value = one.paired.map(|paired| match paired.p_value() {
            small if small < 1e-3 => format!("{small:e}"),
            p => p.to_string(),
        });
        let accuracy = one.challenger.accuracy.to_string();
        tags.push((key("promotion_accuracy"), accuracy));
        tags.push((key("promotion_p_value"), p_value.unwrap_or_else(none)));
    }
    tags
}

fn unusable(role: Role, model: &str, version: u32, source: Error) -> Error {
    Error::Contestant { role, model: model.to_owned(), version, source: Box::new(source) }
}
