//! Reference distributions of predictions, to detect drift.

use std::path::Path;

use fs_err as fs;
use pet_data::{Dataset, Progress, Sample};
use pet_model::{METRICS_FILE, Observation, Precision, Reference, write_atomically, write_json};
use pet_pipeline::evaluate::{ImageSet, predict_all};
use pet_predict::{ImagePredictor, Limits, Model, Options, Prediction, Runtime};

use crate::error::Error;
use crate::results::read_metrics;

/// Writes the distribution of a model's predictions on images of a data set into its metadata, so that a service can
/// detect when the photos it receives drift away from them.
///
/// The images are those for validation; for a refit, which was trained on them, the data set's test images if it has
/// any. Labels are not used.
pub struct References<'a> {
    dataset: &'a Dataset,
    validation: &'a [Sample],
    progress: &'a dyn Progress,
    limits: Limits,
}

impl<'a> References<'a> {
    /// Uses the images `validation` or the test images of `dataset`.
    pub fn new(dataset: &'a Dataset, validation: &'a [Sample], progress: &'a dyn Progress) -> Self {
        Self { dataset, validation, progress, limits: Limits::default() }
    }

    /// Sets the size limits of images.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Adds the reference to each model in a folder, and updates the file sizes in its `metrics.json`.
    pub(crate) fn add(&self, runtime: &Runtime, folder: &Path) -> Result<(), Error> {
        let mut metrics = read_metrics(folder)?;
        let is_refit = metrics.as_ref().is_some_and(|one| one.refit_of().is_some());
        let (name, samples) = match self.dataset.test.as_slice() {
            test @ [_, ..] if is_refit => ("test", test),
            _ => ("validation", self.validation),
        };
        let trained_on = is_refit && name == "validation";
        for precision in Precision::ALL {
            let model = folder.join(precision.file());
            if !model.exists() {
                continue;
            }
            let bytes = self.measure(runtime, &model, samples, (name, trained_on))?;
            let figures = metrics.as_mut().and_then(|one| one.quantization.as_mut());
            match (precision, figures) {
                (Precision::Fp32, Some(figures)) => figures.bytes_fp32 = bytes,
                (Precision::Int8, Some(figures)) => figures.bytes_int8 = bytes,
                _ => {}
            }
        }
        if let Some(metrics) = metrics.filter(|one| one.quantization.is_some()) {
            write_json(&folder.join(METRICS_FILE), &metrics)?;
        }
        Ok(())
    }

    /// Adds the reference to one model, and returns the new size of its file.
    fn measure(
        &self,
        runtime: &Runtime,
        file: &Path,
        samples: &[Sample],
        (name, trained_on): (&str, bool),
    ) -> Result<u64, Error> {
        let options = Options::default().with_image(self.limits);
        let model = Model::load(runtime, file, &options)?;
        let (metadata, bytes) = (model.metadata().clone(), model.bytes().to_vec());
        let classes = metadata.classes.len();
        let images = ImageSet::new(name, self.dataset, samples, &metadata.classes)?;
        let predictor = ImagePredictor::new(model);
        let what = format!("reference, {}", metadata.precision);
        let answers = predict_all(&predictor, &images.samples, &what, self.progress)?;
        let answers: Vec<Observation> = answers.iter().map(Prediction::observation).collect();
        let reference = Reference::of(classes, &answers).with_images(name, trained_on);
        let changed = onnx_graph::Model::from_bytes(&bytes)?;
        let properties = metadata.with_reference(reference).to_properties()?;
        write_atomically(file, &changed.with_properties(properties).to_bytes()?)?;
        Ok(fs::metadata(file)?.len())
    }
}
