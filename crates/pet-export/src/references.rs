//! What exported models answer to images that stand for those they will be shown.

use std::path::Path;

use fs_err as fs;
use pet_data::{Dataset, Progress, Sample};
use pet_model::{
    METRICS_FILE, Metrics, Observation, Precision, Reference, read_json, write_atomically,
    write_json,
};
use pet_pipeline::evaluate::{ImageSet, predictions};
use pet_predict::{ImagePredictor, Limits, Model, Options, Prediction, Runtime};

use crate::Error;

/// Writes into models what they answer to images of a data set, so that a service can tell when the photographs that it
/// is sent are no longer like those.
///
/// The images are the ones to validate on; for a refit, which was trained on them, the data set's test images, if it has
/// some. Only the answers are counted: the classes that the images really show play no part.
pub struct References<'a> {
    dataset: &'a Dataset,
    validation: &'a [Sample],
    progress: &'a dyn Progress,
    limits: Limits,
}

impl<'a> References<'a> {
    /// Takes images from this data set, of which `validation` are those to validate on.
    pub fn new(dataset: &'a Dataset, validation: &'a [Sample], progress: &'a dyn Progress) -> Self {
        Self {
            dataset,
            validation,
            progress,
            limits: Limits::default(),
        }
    }

    /// Sets how large an image may be.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Has each model in a folder predict the images, and writes it again with what it answers in its metadata; the sizes
    /// of the files in the folder's `metrics.json` follow.
    ///
    /// # Errors
    ///
    /// [`Error::Images`] for images that a model does not fit, or what reading them, ONNX Runtime or the files fail with.
    pub(crate) fn add(&self, runtime: &Runtime, folder: &Path) -> Result<(), Error> {
        let file = folder.join(METRICS_FILE);
        let mut metrics: Option<Metrics> = file.exists().then(|| read_json(&file)).transpose()?;
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
            write_json(&file, &metrics)?;
        }
        Ok(())
    }

    /// Writes into one model what it answers; the new length of its file.
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
        let answers = predictions(&predictor, &images.samples, &what, self.progress)?;
        let answers: Vec<Observation> = answers.iter().map(Prediction::observation).collect();
        let reference = Reference::of(classes, &answers).with_images(name, trained_on);
        let changed = onnx_graph::Model::from_bytes(&bytes)?;
        let properties = metadata.with_reference(reference).to_properties()?;
        write_atomically(file, &changed.with_properties(properties).to_bytes()?)?;
        Ok(fs::metadata(file)?.len())
    }
}
