//! The similarity threshold of a refit.
//!
//! A refit was trained on the images that the threshold is learned from, and finds those more similar than other images of
//! the same classes. So it uses the threshold of the run it refits, along with that run's validation accuracy and
//! temperature.

use mlflow_client::{Client, ModelVersion};
use pet_model::{REFIT_OF, write_atomically};
use pet_train::to_onnx;

use crate::error::doing;
use crate::select::only;
use crate::{Error, Exporter, Outliers};

/// The threshold of the run that `run_id` is a refit of. `None` if it is not a refit, or if that run has no usable
/// model, such as a cross-validation, which is reported.
pub(crate) fn least_similarity(
    exporter: &Exporter<'_>,
    outliers: &Outliers<'_>,
    run_id: &str,
    model: &str,
) -> Result<Option<f64>, Error> {
    let client = exporter.client;
    let run = client.run(run_id).map_err(doing("read the run"))?;
    let Some(refitted) = run.tags.get(REFIT_OF) else {
        return Ok(None);
    };
    let found = match version_of(client, model, refitted)? {
        Some(version) => learned(exporter, outliers, &version)?,
        None => None,
    };
    if found.is_none() {
        outliers.note_refit(refitted);
    }
    Ok(found)
}

/// The threshold that the model of a version learns from the images, or `None` if its files cannot be used.
fn learned(
    exporter: &Exporter<'_>,
    outliers: &Outliers<'_>,
    version: &ModelVersion,
) -> Result<Option<f64>, Error> {
    let place = tempfile::tempdir()?;
    let rule = "refitted".into();
    let selection = only(exporter.client, &version.name, version, rule)?;
    let (weights, metadata) = match exporter.fetch(&selection, place.path()) {
        Ok(fetched) => fetched,
        Err(Error::FilesGone { .. } | Error::ForeignModel { .. } | Error::ForeignFiles { .. }) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let file = place.path().join("refitted.onnx");
    write_atomically(&file, &to_onnx(&weights, &metadata)?)?;
    let metadata = outliers.add(exporter.runtime, &file, None)?;
    Ok(metadata.least_similarity)
}

/// The version that a run registered. It is looked for in the model of the refit first.
fn version_of(client: &Client, model: &str, run_id: &str) -> Result<Option<ModelVersion>, Error> {
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
