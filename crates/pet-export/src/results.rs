//! The results folder: reading its files, and replacing them.

use std::path::{Path, PathBuf};

use fs_err as fs;
use mlflow_client::Client;
use pet_model::{
    METRICS_FILE, MODEL_FILE, Metrics, ModelMetadata, SELECTION_FILE, Selection, TrainedOn,
    read_json,
};
use pet_pipeline::trained_on;
use sha2::{Digest, Sha256};

use crate::error::Error;

/// Folder in the staging folder for the files being replaced.
const REPLACED: &str = "replaced";

/// Reads the metadata of a model file.
pub(crate) fn describe(model: &Path) -> Result<ModelMetadata, Error> {
    let model = onnx_graph::Model::from_bytes(&fs::read(model)?)?;
    Ok(ModelMetadata::from_properties(model.metadata())?)
}

/// SHA-256 of a file in hexadecimal.
pub(crate) fn digest(file: &Path) -> Result<String, Error> {
    Ok(format!("{:x}", Sha256::digest(fs::read(file)?)))
}

/// Reads `metrics.json` in a folder, if it exists.
pub(crate) fn read_metrics(folder: &Path) -> Result<Option<Metrics>, Error> {
    let file = folder.join(METRICS_FILE);
    Ok(file.exists().then(|| read_json(&file)).transpose()?)
}

/// Creates a temporary folder in `results`: on the same disk, so that a lack of space shows before anything is
/// replaced.
pub(crate) fn staging_folder(results: &Path) -> std::io::Result<tempfile::TempDir> {
    tempfile::Builder::new().prefix(".export-").tempdir_in(results)
}

/// Checks that the results are not a model with other classes or data. If the data of either is unknown, the registered
/// names must be the same.
pub(crate) fn check_replaceable(
    client: &Client,
    results: &Path,
    new: &ModelMetadata,
    new_data: Option<&TrainedOn>,
) -> Result<(), Error> {
    let model = results.join(MODEL_FILE);
    if !model.exists() {
        return Ok(());
    }
    let conflict = |reason: String| Error::OtherResults { folder: results.to_owned(), reason };
    let old = match describe(&model) {
        Ok(old) => old,
        Err(error @ Error::Io { .. }) => return Err(error),
        Err(_) => return Err(conflict(format!("`{MODEL_FILE}` was not made by this program"))),
    };
    if old.classes != new.classes {
        let (one, other) = (old.classes.len(), new.classes.len());
        return Err(conflict(format!(
            "its classes ({one}) are not those of the new model ({other})"
        )));
    }
    match (old_data(client, results, &old), new_data) {
        (Some(one), Some(other)) if one.digest != other.digest => {
            let (one, other) = (one.short(), other.short());
            Err(conflict(format!("it was trained on {one}, the new one on {other}")))
        }
        (Some(_), Some(_)) => Ok(()),
        _ if old.model_name != new.model_name => Err(conflict(format!(
            "it is of `{}`, the new one of `{}`",
            old.model_name, new.model_name
        ))),
        _ => Ok(()),
    }
}

/// The training data of the existing model, from its selection or else its run.
fn old_data(client: &Client, results: &Path, old: &ModelMetadata) -> Option<TrainedOn> {
    let kept: Option<Selection> = read_json(&results.join(SELECTION_FILE)).ok();
    kept.and_then(|kept| kept.dataset).or_else(|| {
        let run = client.run(old.run_id.as_deref()?).ok()?;
        trained_on(&run)
    })
}

/// Moves staged files into place in order, and removes `optional` files that are not among them. On failure, the old
/// files are restored.
pub(crate) fn publish(
    stage: &Path,
    names: &[&str],
    optional: &[&str],
    results: &Path,
) -> Result<Vec<PathBuf>, Error> {
    let backup = stage.join(REPLACED);
    fs::create_dir(&backup)?;
    let stale = optional.iter().filter(|name| !names.contains(name));
    for name in names.iter().chain(stale.clone()) {
        let file = results.join(name);
        // A hard link costs no space; copy where the file system has none.
        if file.exists() && fs::hard_link(&file, backup.join(name)).is_err() {
            fs::copy(&file, backup.join(name))?;
        }
    }
    let mut changed = Vec::new();
    let outcome = replace(stage, names, stale, results, &mut changed);
    if outcome.is_err() {
        for name in changed {
            // As far as possible; the first error is returned.
            let _ = if backup.join(name).exists() {
                fs::rename(backup.join(name), results.join(name))
            } else {
                fs::remove_file(results.join(name))
            };
        }
    }
    outcome?;
    Ok(names.iter().map(|name| results.join(name)).collect())
}

fn replace<'a>(
    stage: &Path,
    names: &[&'a str],
    stale: impl Iterator<Item = &'a &'a str>,
    results: &Path,
    changed: &mut Vec<&'a str>,
) -> std::io::Result<()> {
    for name in names {
        fs::rename(stage.join(name), results.join(name))?;
        changed.push(name);
    }
    for name in stale.filter(|name| results.join(name).exists()) {
        fs::remove_file(results.join(name))?;
        changed.push(name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_replaced_comes_back_when_a_later_file_fails() {
        let place = tempfile::tempdir().unwrap();
        let (stage, results) = (place.path().join("stage"), place.path().join("results"));
        fs::create_dir_all(&stage).unwrap();
        fs::create_dir_all(&results).unwrap();
        fs::write(results.join("a"), "old a").unwrap();
        fs::write(results.join("left"), "old left").unwrap();
        fs::write(stage.join("a"), "new a").unwrap();
        fs::write(stage.join("b"), "new b").unwrap();
        let read = |name: &str| fs::read_to_string(results.join(name)).ok();
        publish(&stage, &["a", "b", "missing"], &["left"], &results).unwrap_err();
        assert_eq!(read("a").as_deref(), Some("old a"));
        assert_eq!((read("b"), read("left").as_deref()), (None, Some("old left")));
        fs::remove_dir_all(stage.join(REPLACED)).unwrap();
        fs::write(stage.join("a"), "new a").unwrap();
        publish(&stage, &["a"], &["left"], &results).unwrap();
        assert_eq!((read("a").as_deref(), read("left")), (Some("new a"), None));
    }
}
