//! Exporting a registered version, or an int8 model of an exported one, to the files that are served.

use std::path::{Path, PathBuf};

use candle_core::{Device, Module, Tensor};
use fs_err as fs;
use mlflow_client::Client;
use pet_model::{
    CARD_FILE, CLASSES_FILE, CONFUSION_FILE, CURVES_FILE, INT8_MODEL_FILE, METRICS_FILE,
    MODEL_FILE, Metrics, ModelMetadata, Quantization, SELECTION_FILE, Selection, read_json,
    write_atomically, write_classes, write_json,
};
use pet_predict::{ImagePredictor, Options, Runtime};
use pet_report::refresh_card;
use pet_train::{Classifier, Weights, to_onnx};

use crate::error::Error;
use crate::gate::Gate;
use crate::images::ModelImages;
use crate::int8::Quantized;
use crate::registered::{copy_run_files, fetch};
use crate::results::{check_replaceable, describe, digest, publish, read_metrics, staging_folder};

/// The largest difference allowed between two logits of the same image.
pub const TOLERANCE: f32 = 1e-4;

/// Tested batch sizes: one, an odd one, and one that fills vector registers.
const BATCHES: [usize; 3] = [1, 3, 8];

/// Optional files, removed from the results if the new model lacks them.
const OPTIONAL_FILES: [&str; 4] = [METRICS_FILE, CURVES_FILE, CONFUSION_FILE, INT8_MODEL_FILE];

/// Exports registered versions to a folder.
#[derive(Clone)]
pub struct Exporter<'a> {
    client: &'a Client,
    runtime: &'a Runtime,
    usage: &'a str,
    int8: Option<ModelImages<'a>>,
    outliers: Option<ModelImages<'a>>,
    references: Option<ModelImages<'a>>,
    gate: Gate,
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

impl<'a> Exporter<'a> {
    /// Exports versions of this store and verifies them with this runtime.
    pub fn new(client: &'a Client, runtime: &'a Runtime) -> Self {
        Self {
            client,
            runtime,
            usage: "",
            int8: None,
            outliers: None,
            references: None,
            gate: Gate::default(),
            force: false,
        }
    }

    /// Allows replacing results with other data or classes.
    #[must_use]
    pub fn with_force(self, force: bool) -> Self {
        Self { force, ..self }
    }

    /// Exports an int8 model too, which is calibrated and checked with the validation images. With `None`, an existing one is
    /// removed.
    #[must_use]
    pub fn with_int8(self, int8: Option<ModelImages<'a>>) -> Self {
        Self { int8, ..self }
    }

    /// Sets the required quality of an int8 model.
    #[must_use]
    pub fn with_gate(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }

    /// Exports a model that detects outliers: images that show none of the classes. It takes the class means from the
    /// training images and the threshold from the validation images.
    #[must_use]
    pub fn with_outliers(self, outliers: Option<ModelImages<'a>>) -> Self {
        Self { outliers, ..self }
    }

    /// Adds the distribution of the models' predictions to their metadata, so that a service can detect when the photos it
    /// receives drift away from the validation images; for a refit, which was trained on those, from the test images if there
    /// are any.
    #[must_use]
    pub fn with_references(self, references: Option<ModelImages<'a>>) -> Self {
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
        let (weights, metadata) = fetch(self.client, selection, downloads.path())?;
        if !self.force {
            check_replaceable(self.client, results, &metadata, selection.dataset.as_ref())?;
        }
        fs::create_dir_all(results)?;
        let staging = staging_folder(results)?;
        let stage = staging.path();
        let model = stage.join(MODEL_FILE);
        let largest_difference = self.build(selection, &weights, &metadata, &model)?;
        let quantize = |images: ModelImages<'_>| images.quantize(self.runtime, &model, self.gate);
        let quantized = self.int8.map(quantize).transpose()?;
        write_classes(&stage.join(CLASSES_FILE), &metadata.classes)?;
        let mut names = vec![MODEL_FILE, CLASSES_FILE, SELECTION_FILE];
        names.extend(copy_run_files(self.client, &selection.run_id, stage)?);
        if let Some(quantized) = &quantized {
            stage_quantized(quantized, stage)?;
            names.push(INT8_MODEL_FILE);
            names.extend((!names.contains(&METRICS_FILE)).then_some(METRICS_FILE));
        }
        if let Some(references) = self.references {
            references.add_references(self.runtime, stage)?;
        }
        stage_selection(selection.clone(), stage)?;
        let metadata = describe(&model)?;
        refresh_card(stage, &metadata, self.usage)?;
        names.push(CARD_FILE);
        Ok(Exported {
            metadata,
            quantization: read_metrics(stage)?.and_then(|metrics| metrics.quantization),
            files: publish(stage, &names, &OPTIONAL_FILES, results)?,
            largest_difference,
        })
    }

    /// The library that runs the exported models.
    pub(crate) fn runtime(&self) -> &'a Runtime {
        self.runtime
    }

    /// Writes the model to a file, verifies it, and returns the largest difference between two logits.
    fn build(
        &self,
        selection: &Selection,
        weights: &Weights,
        metadata: &ModelMetadata,
        model: &Path,
    ) -> Result<f32, Error> {
        write_atomically(model, &to_onnx(weights, metadata)?)?;
        if let Some(outliers) = self.outliers {
            let carried = outliers.carried_threshold(self.client, self.runtime, selection)?;
            outliers.add_outliers(self.runtime, model, carried)?;
        }
        let predictor = ImagePredictor::load(self.runtime, model, &Options::default())?;
        verify(&Classifier::new(weights, metadata.classes.len())?, &predictor)
    }
}

impl ModelImages<'_> {
    /// Quantizes the model in `results`, and adds the int8 model there: its file, its digest in `selection.json`, its
    /// figures in `metrics.json` and in the model card. A model without detection of outliers learns it first, and both
    /// models get new references. `usage` is Markdown for the card on how to use the model. All files are staged first, so
    /// nothing changes if the model does not pass the gate or the disk is full.
    ///
    /// # Errors
    ///
    /// [`Error::NoModel`] without a model to quantize, [`Error::Gate`] if no int8 model is good enough, [`Error::Images`]
    /// for images that do not match the model or cannot be read, [`Error::Model`] or [`Error::Io`] if a file cannot be
    /// read or written, and errors of ONNX Runtime and of the graph.
    pub fn add_int8_to_results(
        &self,
        runtime: &Runtime,
        results: &Path,
        gate: Gate,
        usage: &str,
    ) -> Result<Quantization, Error> {
        if !results.join(MODEL_FILE).exists() {
            return Err(Error::NoModel { folder: results.to_owned() });
        }
        let staging = staging_folder(results)?;
        let stage = staging.path();
        for name in [MODEL_FILE, METRICS_FILE, SELECTION_FILE] {
            if results.join(name).exists() {
                fs::copy(results.join(name), stage.join(name))?;
            }
        }
        let model = stage.join(MODEL_FILE);
        if describe(&model)?.least_similarity.is_none() {
            if let Some(run_id) = read_metrics(stage)?.as_ref().and_then(Metrics::refit_of) {
                self.note_refit(run_id);
            }
            self.add_outliers(runtime, &model, None)?;
        }
        let quantized = self.quantize(runtime, &model, gate)?;
        stage_quantized(&quantized, stage)?;
        self.add_references(runtime, stage)?;
        let mut names = vec![INT8_MODEL_FILE, METRICS_FILE, MODEL_FILE];
        let selection = stage.join(SELECTION_FILE);
        if selection.exists() {
            stage_selection(read_json(&selection)?, stage)?;
            names.push(SELECTION_FILE);
        }
        refresh_card(stage, &describe(&model)?, usage)?;
        names.push(CARD_FILE);
        let figures = read_metrics(stage)?.and_then(|metrics| metrics.quantization);
        publish(stage, &names, &[], results)?;
        Ok(figures.unwrap_or(quantized.figures))
    }
}

/// Writes the int8 model, and its figures in `metrics.json`, to a folder.
fn stage_quantized(quantized: &Quantized, stage: &Path) -> Result<(), Error> {
    write_atomically(&stage.join(INT8_MODEL_FILE), &quantized.bytes)?;
    let metrics = Metrics {
        quantization: Some(quantized.figures.clone()),
        ..read_metrics(stage)?.unwrap_or_default()
    };
    Ok(write_json(&stage.join(METRICS_FILE), &metrics)?)
}

/// Writes `selection.json` with the digests of the models in a folder.
fn stage_selection(selection: Selection, stage: &Path) -> Result<(), Error> {
    let int8 = stage.join(INT8_MODEL_FILE);
    let selection = Selection {
        model_sha256: Some(digest(&stage.join(MODEL_FILE))?),
        int8_sha256: int8.exists().then(|| digest(&int8)).transpose()?,
        ..selection
    };
    Ok(write_json(&stage.join(SELECTION_FILE), &selection)?)
}

/// Runs the same images in candle and ONNX Runtime, and returns the largest difference between their logits.
fn verify(classifier: &Classifier, predictor: &ImagePredictor) -> Result<f32, Error> {
    let size = predictor.metadata().preprocess.size() as usize;
    let mut largest = 0.0_f32;
    for batch in BATCHES {
        let images = test_images(batch, size);
        let tensor = Tensor::from_slice(&images, (batch, 3, size, size), &Device::Cpu)?;
        let expected: Vec<f32> = classifier.forward(&tensor)?.flatten_all()?.to_vec1()?;
        let got = predictor.run_tensor(&images, batch)?;
        let differences = expected.iter().zip(&got).map(|(one, other)| (one - other).abs());
        // A NaN on either side must not pass as "no difference".
        let difference = differences
            .fold(0.0, |most: f32, one| if one.is_nan() { f32::INFINITY } else { most.max(one) });
        if expected.len() != got.len() || difference > TOLERANCE {
            return Err(Error::Differs { batch, expected: TOLERANCE, got: difference });
        }
        largest = largest.max(difference);
    }
    Ok(largest)
}

/// Wave patterns, different for each image and channel, in the range of normalized pixels.
fn test_images(batch: usize, size: usize) -> Vec<f32> {
    let planes = batch * 3;
    let mut values = Vec::with_capacity(planes * size * size);
    for plane in 0..planes {
        let frequency = 1.0 + plane as f32 * 0.7;
        for y in 0..size {
            for x in 0..size {
                let (x, y) = (x as f32 / size as f32, y as f32 / size as f32);
                let wave = (frequency * 6.0 * x + y).sin() + (frequency * 11.0 * y - x).cos();
                values.push(wave + 0.3 * (97.0 * x * y + plane as f32).sin());
            }
        }
    }
    values
}
