//! Exporting a registered version to the files that are served.

use std::path::{Path, PathBuf};

use fs_err as fs;
use mlflow_client::model::OnnxModel;
use mlflow_client::{Artifacts, Client};
use pet_model::{
    CARD_FILE, CLASSES_FILE, CONFUSION_FILE, CURVES_FILE, INT8_MODEL_FILE, METRICS_FILE,
    MODEL_FILE, Metrics, ModelMetadata, Quantization, SELECTION_FILE, Selection, WEIGHTS_FILE,
    read_json, write_atomically, write_classes, write_json,
};
use pet_predict::{ImagePredictor, Options, Runtime};
use pet_report::refresh_card;
use pet_train::{Classifier, Weights, to_onnx};
use sha2::{Digest, Sha256};

use crate::{Error, Int8, Outliers, References, carried};

use crate::error::doing;
use crate::replace::{check_replaceable, publish, staging_folder};
use crate::select::version_number;
use crate::verify::verify;

/// Optional files of the run that are copied unchanged.
const RUN_FILES: [&str; 3] = [METRICS_FILE, CURVES_FILE, CONFUSION_FILE];

/// Optional files, removed from the results if the new model lacks them.
const OPTIONAL_FILES: [&str; 4] = [METRICS_FILE, CURVES_FILE, CONFUSION_FILE, INT8_MODEL_FILE];

/// Exports registered versions to a folder.
#[derive(Clone)]
pub struct Exporter<'a> {
    pub(crate) client: &'a Client,
    pub(crate) runtime: &'a Runtime,
    usage: &'a str,
    int8: Option<&'a Int8<'a>>,
    outliers: Option<&'a Outliers<'a>>,
    references: Option<&'a References<'a>>,
    force: bool,
}

/// The result of an export.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Exported {
    /// The metadata in the model file.
    pub metadata: ModelMetadata,
    /// The files written, in order.
    pub files: Vec<PathBuf>,
    /// The largest absolute difference between the logits of candle and of ONNX Runtime.
    pub largest_difference: f32,
    /// The figures of the int8 model, if one was requested.
    pub quantization: Option<Quantization>,
}

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

impl<'a> Exporter<'a> {
    /// Exports versions of this store and verifies them with this runtime.
    pub fn new(client: &'a Client, runtime: &'a Runtime) -> Self {
        let usage = "";
        Self { client, runtime, usage, int8: None, outliers: None, references: None, force: false }
    }

    /// Allows replacing results with other data or classes.
    #[must_use]
    pub fn with_force(self, force: bool) -> Self {
        Self { force, ..self }
    }

    /// Exports an int8 model too. With `None`, an existing one is removed.
    #[must_use]
    pub fn with_int8(self, int8: Option<&'a Int8<'a>>) -> Self {
        Self { int8, ..self }
    }

    /// Exports a model that detects outliers.
    #[must_use]
    pub fn with_outliers(self, outliers: Option<&'a Outliers<'a>>) -> Self {
        Self { outliers, ..self }
    }

    /// Adds the reference distribution of the models' predictions to their metadata.
    #[must_use]
    pub fn with_references(self, references: Option<&'a References<'a>>) -> Self {
        Self { references, ..self }
    }

    /// Adds Markdown on how to use the model to the model card.
    #[must_use]
    pub fn with_usage(self, usage: &'a str) -> Self {
        Self { usage, ..self }
    }

    /// Builds the ONNX model of the selected version from its weights, verifies it against candle, and writes it with
    /// its other files to `results`. All files are staged first; if one cannot be moved into place, the old ones are
    /// restored. Aliases do not change. The output is deterministic.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidVersion`] or [`Error::ForeignModel`] for a version that was not trained here
    /// - [`Error::OtherRun`] for a selection made in another store
    /// - [`Error::OtherResults`] if the results have other data or classes
    /// - [`Error::Differs`] if the verification fails
    /// - [`Error::Gate`] if the int8 model is not good enough
    /// - errors of the store, of files and of ONNX Runtime
    pub fn export(&self, selection: &Selection, results: &Path) -> Result<Exported, Error> {
        let downloads = tempfile::tempdir()?;
        let (weights, mut metadata) = self.fetch(selection, downloads.path())?;
        if !self.force {
            check_replaceable(self.client, results, &metadata, selection.dataset.as_ref())?;
        }
        fs::create_dir_all(results)?;
        let staging = staging_folder(results)?;
        let stage = staging.path();
        let model = stage.join(MODEL_FILE);
        write_atomically(&model, &to_onnx(&weights, &metadata)?)?;
        if let Some(outliers) = self.outliers {
            let Selection { run_id, model_name, .. } = selection;
            let carried = carried::least_similarity(self, outliers, run_id, model_name)?;
            metadata = outliers.add(self.runtime, &model, carried)?;
        }
        let predictor = ImagePredictor::load(self.runtime, &model, &Options::default())?;
        let classifier = Classifier::new(&weights, metadata.classes.len())?;
        let largest_difference = verify(&classifier, &predictor)?;
        let quantized = self.int8.map(|int8| int8.quantize(self.runtime, &model));
        let quantized = quantized.transpose()?;
        write_classes(&stage.join(CLASSES_FILE), &metadata.classes)?;
        let mut names = vec![MODEL_FILE, CLASSES_FILE, SELECTION_FILE];
        names.extend(self.copy_run_files(&selection.run_id, stage)?);
        if let Some(quantized) = &quantized {
            let staged = quantized.stage(stage)?;
            names.extend(staged.into_iter().filter(|name| *name != METRICS_FILE));
            names.extend((!names.contains(&METRICS_FILE)).then_some(METRICS_FILE));
        }
        if let Some(references) = self.references {
            references.add(self.runtime, stage)?;
            metadata = describe(&model)?;
        }
        let int8 = quantized.map(|_| stage.join(INT8_MODEL_FILE));
        let selection = Selection {
            model_sha256: Some(digest(&model)?),
            int8_sha256: int8.as_deref().map(digest).transpose()?,
            ..selection.clone()
        };
        write_json(&stage.join(SELECTION_FILE), &selection)?;
        let quantization = read_metrics(stage)?.and_then(|metrics| metrics.quantization);
        refresh_card(stage, &metadata, self.usage)?;
        names.push(CARD_FILE);
        Ok(Exported {
            metadata,
            files: publish(stage, &names, &OPTIONAL_FILES, results)?,
            largest_difference,
            quantization,
        })
    }

    /// Downloads the version's weights and metadata.
    pub(crate) fn fetch(
        &self,
        selection: &Selection,
        folder: &Path,
    ) -> Result<(Weights, ModelMetadata), Error> {
        let Selection { model_name, version, .. } = selection;
        let number = version_number(selection)?;
        self.check_run(selection, number)?;
        let source_uri = self
            .client
            .download_uri(model_name, number)
            .map_err(doing("find the model's files"))?;
        let artifacts =
            self.client.artifacts(&source_uri).map_err(doing("open the model's files"))?;
        let weights = folder.join(WEIGHTS_FILE);
        let network = folder.join(OnnxModel::NETWORK);
        for (file, target) in [(WEIGHTS_FILE, &weights), (OnnxModel::NETWORK, &network)] {
            match artifacts.download_file(file, target) {
                Ok(()) => {}
                Err(source) if source.is_not_found() => {
                    return Err(missing(selection, &artifacts, &source_uri, file, source));
                }
                Err(source) => return Err(doing("download the model")(source)),
            }
        }
        let read = || Ok((Weights::open(&weights)?, describe(&network)?));
        let (weights, metadata) = read().map_err(|source: Error| Error::ForeignFiles {
            model: model_name.clone(),
            version: version.clone(),
            source: Box::new(source),
        })?;
        // The model was written before its version, and possibly its run, was known.
        let metadata = metadata.with_model_version(version).with_run_id(&selection.run_id);
        Ok((weights, metadata))
    }

    /// Checks the run, because a selection from another store can have the same version number.
    fn check_run(&self, selection: &Selection, number: u32) -> Result<(), Error> {
        let found = self
            .client
            .model_version(&selection.model_name, number)
            .map_err(doing("find the version"))?;
        match found.run_id {
            Some(run_id) if run_id != selection.run_id => Err(Error::OtherRun {
                model: selection.model_name.clone(),
                version: selection.version.clone(),
                expected: selection.run_id.clone(),
                got: run_id,
            }),
            _ => Ok(()),
        }
    }

    /// Downloads those of [`RUN_FILES`] that the run has, and returns their names.
    fn copy_run_files(&self, run_id: &str, stage: &Path) -> Result<Vec<&'static str>, Error> {
        let run = self.client.run(run_id).map_err(doing("read the run"))?;
        let artifacts =
            self.client.artifacts(&run.artifact_uri).map_err(doing("open the run's files"))?;
        let mut copied = Vec::new();
        for file in RUN_FILES {
            match artifacts.download_file(file, &stage.join(file)) {
                Ok(()) => copied.push(file),
                Err(error) if error.is_not_found() => {}
                Err(source) => {
                    return Err(Error::Tracking { action: "download the run's files", source });
                }
            }
        }
        Ok(copied)
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
