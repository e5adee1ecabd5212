//! The files of a registered version and of its run.

use std::path::Path;

use mlflow_client::model::OnnxModel;
use mlflow_client::{Artifacts, Client, ModelVersion};
use pet_model::{
    CONFUSION_FILE, CURVES_FILE, METRICS_FILE, ModelMetadata, Selection, WEIGHTS_FILE,
};
use pet_train::Weights;

use crate::error::{Error, doing};
use crate::results::describe;
use crate::select::version_number;

/// Optional files of the run that are copied unchanged.
const RUN_FILES: [&str; 3] = [METRICS_FILE, CURVES_FILE, CONFUSION_FILE];

/// Downloads the weights and the metadata of the selected version to a folder.
pub(crate) fn fetch(
    client: &Client,
    selection: &Selection,
    folder: &Path,
) -> Result<(Weights, ModelMetadata), Error> {
    let Selection { model_name, version, run_id, .. } = selection;
    let number = version_number(selection)?;
    check_run(client, selection, number)?;
    let uri = client.download_uri(model_name, number).map_err(doing("find the model's files"))?;
    let artifacts = client.artifacts(&uri).map_err(doing("open the model's files"))?;
    for file in [WEIGHTS_FILE, OnnxModel::NETWORK] {
        artifacts.download_file(file, &folder.join(file)).map_err(|source| {
            if source.is_not_found() {
                missing(selection, &artifacts, &uri, file, source)
            } else {
                doing("download the model")(source)
            }
        })?;
    }
    let read = || {
        let weights = Weights::open(&folder.join(WEIGHTS_FILE))?;
        Ok((weights, describe(&folder.join(OnnxModel::NETWORK))?))
    };
    let (weights, metadata) = read().map_err(|source: Error| Error::ForeignFiles {
        model: model_name.clone(),
        version: version.clone(),
        source: Box::new(source),
    })?;
    // The model was written before its version, and possibly its run, was known.
    Ok((weights, metadata.with_model_version(version).with_run_id(run_id)))
}

/// Checks the run, because a selection from another store can have the same version number.
fn check_run(client: &Client, selection: &Selection, number: u32) -> Result<(), Error> {
    let found = client.model_version(&selection.model_name, number);
    match found.map_err(doing("find the version"))?.run_id {
        Some(run_id) if run_id != selection.run_id => Err(Error::OtherRun {
            model: selection.model_name.clone(),
            version: selection.version.clone(),
            expected: selection.run_id.clone(),
            got: run_id,
        }),
        _ => Ok(()),
    }
}

/// The error for a missing file of a version: it was made by another program, or all its files are gone.
fn missing(
    selection: &Selection,
    artifacts: &Artifacts,
    place: &str,
    file: &'static str,
    source: mlflow_client::Error,
) -> Error {
    let (model, version) = (selection.model_name.clone(), selection.version.clone());
    if artifacts.list("").is_ok_and(|files| files.is_empty()) {
        let place = place.to_owned();
        return Error::FilesGone { model, version, place };
    }
    Error::ForeignModel { model, version, file, source }
}

/// Downloads those of [`RUN_FILES`] that a run has, and returns their names.
pub(crate) fn copy_run_files(
    client: &Client,
    run_id: &str,
    folder: &Path,
) -> Result<Vec<&'static str>, Error> {
    let run = client.run(run_id).map_err(doing("read the run"))?;
    let artifacts = client.artifacts(&run.artifact_uri).map_err(doing("open the run's files"))?;
    let mut copied = Vec::new();
    for file in RUN_FILES {
        match artifacts.download_file(file, &folder.join(file)) {
            Ok(()) => copied.push(file),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(doing("download the run's files")(error)),
        }
    }
    Ok(copied)
}

/// The version that a run registered. It is looked for in the model with this name first.
pub(crate) fn version_of(
    client: &Client,
    model: &str,
    run_id: &str,
) -> Result<Option<ModelVersion>, Error> {
    let mut names = vec![model.to_owned()];
    for other in client.registered_models() {
        let other = other.map_err(doing("list the registered models"))?;
        names.extend((other.name != model).then_some(other.name));
    }
    for name in names {
        for version in client.model_versions(&name) {
            let version = version.map_err(doing("list the registered versions"))?;
            if version.run_id.as_deref() == Some(run_id) {
                return Ok(Some(version));
            }
        }
    }
    Ok(None)
}
