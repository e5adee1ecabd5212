//! From a registered version to the files that are served.

use std::io::Read;
use std::path::{Path, PathBuf};

use fs_err as fs;
use mlflow_client::Client;
use mlflow_client::model::OnnxModel;
use pet_model::{
    CLASSES_FILE, CONFUSION_FILE, CURVES_FILE, METRICS_FILE, MODEL_FILE, ModelMetadata,
    SELECTION_FILE, Selection, write_atomically, write_classes, write_json,
};
use pet_predict::{ImagePredictor, Options, Runtime};
use pet_track::WEIGHTS_FILE;
use pet_train::{Classifier, Weights, to_onnx};

use crate::Error;
use crate::card::refresh_card;
use crate::error::doing;
use crate::verify::verify;

/// Files of the run that are handed on as they are, where the run has them.
const RUN_FILES: [&str; 3] = [METRICS_FILE, CURVES_FILE, CONFUSION_FILE];

/// What an export works with.
pub struct Exporter<'a> {
    /// Where the version is registered.
    pub client: &'a Client,
    /// Runs the exported model for the proof that it is right.
    pub runtime: &'a Runtime,
}

/// What an export came to.
#[derive(Clone, Debug)]
pub struct Exported {
    /// What the model says of itself.
    pub metadata: ModelMetadata,
    /// The files written, in the order they were.
    pub files: Vec<PathBuf>,
    /// The largest difference between candle's logits and ONNX Runtime's.
    pub largest_difference: f32,
}

impl Exporter<'_> {
    /// Makes the ONNX model of the selected version anew from its weights, proves that it computes what candle computes,
    /// and writes `results` with everything that belongs to it. Nothing there changes unless the proof succeeds.
    ///
    /// The same version gives the same bytes each time.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignModel`] for a version not trained here, [`Error::Differs`] when the proof fails, or what the
    /// store, the files or ONNX Runtime fail with.
    pub fn export(&self, selection: &Selection, results: &Path) -> Result<Exported, Error> {
        let place = tempfile::tempdir()?;
        let (weights, metadata) = self.fetch(selection, place.path())?;
        let bytes = to_onnx(&weights, &metadata)?;
        let staged = place.path().join("staged.onnx");
        fs::write(&staged, &bytes)?;
        let predictor = ImagePredictor::load(self.runtime, &staged, &Options::default())?;
        let classifier = Classifier::new(&weights, metadata.classes.len())?;
        let largest_difference = verify(&classifier, &predictor)?;

        let mut files = vec![
            results.join(MODEL_FILE),
            results.join(CLASSES_FILE),
            results.join(SELECTION_FILE),
        ];
        // The selection comes first: `classes.json` and the model after it are then of one version.
        write_json(&files[2], selection)?;
        write_classes(&files[1], &metadata.classes)?;
        write_atomically(&files[0], &bytes)?;
        files.extend(self.copy_run_files(&selection.run_id, results)?);
        files.push(refresh_card(results, &metadata)?);
        Ok(Exported {
            metadata,
            files,
            largest_difference,
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
        let number = version.parse().unwrap_or_default();
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
        let model = onnx_graph::Model::from_bytes(&fs::read(&network)?)?;
        let metadata = ModelMetadata::from_properties(model.metadata())?;
        let metadata = ModelMetadata {
            model_version: Some(version.clone()),
            ..metadata
        };
        Ok((Weights::open(&weights)?, metadata))
    }

    /// Copies what the run says about itself; removes what an earlier model has left and this one has not.
    fn copy_run_files(&self, run_id: &str, results: &Path) -> Result<Vec<PathBuf>, Error> {
        let run = self.client.run(run_id).map_err(doing("read the run"))?;
        let artifacts = self
            .client
            .artifacts(&run.artifact_uri)
            .map_err(doing("open the run's files"))?;
        let mut copied = Vec::new();
        for file in RUN_FILES {
            let target = results.join(file);
            match artifacts.open(file) {
                Ok(mut content) => {
                    let mut bytes = Vec::new();
                    content.read_to_end(&mut bytes)?;
                    write_atomically(&target, &bytes)?;
                    copied.push(target);
                }
                Err(error) if error.is_not_found() => {
                    if target.exists() {
                        fs::remove_file(&target)?;
                    }
                }
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
