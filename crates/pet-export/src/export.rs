//! From a registered version to the files that are served.

use std::io::Read;
use std::path::{Path, PathBuf};

use fs_err as fs;
use mlflow_client::Client;
use mlflow_client::model::OnnxModel;
use pet_model::{
    CARD_FILE, CLASSES_FILE, CONFUSION_FILE, CURVES_FILE, INT8_MODEL_FILE, METRICS_FILE,
    MODEL_FILE, Metrics, ModelMetadata, Quantization, SELECTION_FILE, Selection, WEIGHTS_FILE,
    read_json, write_atomically, write_classes, write_json,
};
use pet_predict::{ImagePredictor, Options, Runtime};
use pet_report::refresh_card;
use pet_train::{Classifier, Weights, to_onnx};
use sha2::{Digest, Sha256};

use crate::{Error, Int8, Outliers, References};

use crate::error::doing;
use crate::replace::{check_replaceable, publish};
use crate::select::version_number;
use crate::verify::verify;

/// Files of the run that are handed on as they are, where the run has them.
const RUN_FILES: [&str; 3] = [METRICS_FILE, CURVES_FILE, CONFUSION_FILE];

/// Files that an earlier model may have and this one has not.
const MAY_BE_LEFT: [&str; 4] = [METRICS_FILE, CURVES_FILE, CONFUSION_FILE, INT8_MODEL_FILE];

/// What an export works with.
pub struct Exporter<'a> {
    client: &'a Client,
    runtime: &'a Runtime,
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
    /// What the model says of itself.
    pub metadata: ModelMetadata,
    /// The files written, in the order they were.
    pub files: Vec<PathBuf>,
    /// The largest difference between candle's logits and ONNX Runtime's.
    pub largest_difference: f32,
    /// How the model in 8-bit integers compares, if one was asked for.
    pub quantization: Option<Quantization>,
}

/// What a model file says of itself.
pub(crate) fn describe(model: &Path) -> Result<ModelMetadata, Error> {
    let model = onnx_graph::Model::from_bytes(&fs::read(model)?)?;
    Ok(ModelMetadata::from_properties(model.metadata())?)
}

/// SHA-256 of a file in hexadecimal digits.
pub(crate) fn digest(file: &Path) -> Result<String, Error> {
    Ok(format!("{:x}", Sha256::digest(fs::read(file)?)))
}

/// What the model in integers of a folder costs, if its figures say so.
pub(crate) fn quantization(folder: &Path) -> Result<Option<Quantization>, Error> {
    let file = folder.join(METRICS_FILE);
    let metrics: Option<Metrics> = file.exists().then(|| read_json(&file)).transpose()?;
    Ok(metrics.and_then(|metrics| metrics.quantization))
}

impl<'a> Exporter<'a> {
    /// Exports versions registered in this store, and verifies them with this runtime.
    pub fn new(client: &'a Client, runtime: &'a Runtime) -> Self {
        let usage = "";
        Self {
            client,
            runtime,
            usage,
            int8: None,
            outliers: None,
            references: None,
            force: false,
        }
    }

    /// Replaces results of other data or classes too.
    #[must_use]
    pub fn with_force(self, force: bool) -> Self {
        Self { force, ..self }
    }

    /// Exports the model in 8-bit integers as well; without one, such a model of before is removed.
    #[must_use]
    pub fn with_int8(self, int8: Option<&'a Int8<'a>>) -> Self {
        Self { int8, ..self }
    }

    /// Exports a model that tells pictures which show none of its classes.
    #[must_use]
    pub fn with_outliers(self, outliers: Option<&'a Outliers<'a>>) -> Self {
        Self { outliers, ..self }
    }

    /// Exports models that say what they answer to images which stand for those they will be shown.
    #[must_use]
    pub fn with_references(self, references: Option<&'a References<'a>>) -> Self {
        Self { references, ..self }
    }

    /// Adds Markdown to the model card that shows how the calling program uses the model.
    #[must_use]
    pub fn with_usage(self, usage: &'a str) -> Self {
        Self { usage, ..self }
    }

    /// Builds the ONNX model of the selected version again from its weights, verifies that it computes what candle
    /// computes, and writes `results` with everything that belongs to it. Nothing there changes unless the verification
    /// succeeds and there is space for all files; and what was replaced comes back when a file cannot take its place.
    /// No alias moves.
    ///
    /// The same version gives the same bytes each time.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidVersion`] or [`Error::ForeignModel`] for a version not trained here, [`Error::OtherRun`] for a selection made in another store,
    /// [`Error::OtherResults`] when the results are those of other data or classes,
    /// [`Error::Differs`] when the verification fails, [`Error::Gate`] when the model in integers is not good enough, or what the store, the files or ONNX Runtime fail with.
    pub fn export(&self, selection: &Selection, results: &Path) -> Result<Exported, Error> {
        let place = tempfile::tempdir()?;
        let (weights, mut metadata) = self.fetch(selection, place.path())?;
        if !self.force {
            check_replaceable(self.client, results, &metadata, selection.dataset.as_ref())?;
        }
        fs::create_dir_all(results)?;
        // On the disk of the results, so that what does not fit is noticed before anything is replaced.
        let staging = tempfile::Builder::new()
            .prefix(".export-")
            .tempdir_in(results)?;
        let stage = staging.path();
        let model = stage.join(MODEL_FILE);
        write_atomically(&model, &to_onnx(&weights, &metadata)?)?;
        if let Some(outliers) = self.outliers {
            metadata = outliers.add(self.runtime, &model)?;
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
        let quantization = quantization(stage)?;
        refresh_card(stage, &metadata, self.usage)?;
        names.push(CARD_FILE);
        Ok(Exported {
            metadata,
            files: publish(stage, &names, &MAY_BE_LEFT, results)?,
            largest_difference,
            quantization,
        })
    }

    /// The version's weights and metadata, the latter completed by the version's number.
    fn fetch(
        &self,
        selection: &Selection,
        place: &Path,
    ) -> Result<(Weights, ModelMetadata), Error> {
        let Selection {
            model_name,
            version,
            ..
        } = selection;
        let number = version_number(selection)?;
        self.check_run(selection, number)?;
        let source = self
            .client
            .download_uri(model_name, number)
            .map_err(doing("find the model's files"))?;
        let artifacts = self
            .client
            .artifacts(&source)
            .map_err(doing("open the model's files"))?;
        let weights = place.join(WEIGHTS_FILE);
        let network = place.join(OnnxModel::NETWORK);
        for (file, target) in [(WEIGHTS_FILE, &weights), (OnnxModel::NETWORK, &network)] {
            artifacts.download_file(file, target).map_err(|source| {
                if source.is_not_found() {
                    let (model, version) = (model_name.clone(), version.clone());
                    Error::ForeignModel {
                        model,
                        version,
                        file,
                        source,
                    }
                } else {
                    Error::Tracking {
                        action: "download the model",
                        source,
                    }
                }
            })?;
        }
        // A run that its store did not know yet had no id when the model was written.
        let metadata = describe(&network)?
            .with_model_version(version)
            .with_run_id(&selection.run_id);
        Ok((Weights::open(&weights)?, metadata))
    }

    /// A selection kept in a file may be of another store, whose versions have the same numbers.
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

    /// Copies what the run says about itself; the names of the files that it has.
    fn copy_run_files(&self, run_id: &str, stage: &Path) -> Result<Vec<&'static str>, Error> {
        let run = self.client.run(run_id).map_err(doing("read the run"))?;
        let artifacts = self
            .client
            .artifacts(&run.artifact_uri)
            .map_err(doing("open the run's files"))?;
        let mut copied = Vec::new();
        for file in RUN_FILES {
            match artifacts.open(file) {
                Ok(mut content) => {
                    let mut bytes = Vec::new();
                    content.read_to_end(&mut bytes)?;
                    write_atomically(&stage.join(file), &bytes)?;
                    copied.push(file);
                }
                Err(error) if error.is_not_found() => {}
                Err(source) => {
                    return Err(Error::Tracking {
                        action: "download the run's files",
                        source,
                    });
                }
            }
        }
        Ok(copied)
    }
}
