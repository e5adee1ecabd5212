//! Reference distributions of predictions, to detect drift.

use std::path::Path;

use fs_err as fs;
use pet_data::Sample;
use pet_model::{METRICS_FILE, Observation, Precision, Reference, write_atomically, write_json};
use pet_pipeline::evaluate::predict_all;
use pet_predict::{ImagePredictor, Model, Prediction, Runtime};

use crate::error::Error;
use crate::images::ModelImages;
use crate::results::read_metrics;

impl ModelImages<'_> {
    /// Writes the distribution of its predictions into the metadata of each model in a folder, and updates the file sizes in
    /// its `metrics.json`. A service detects when the photos it receives drift away from this reference.
    ///
    /// The images are those for validation; for a refit, which was trained on them, the data set's test images if it has
    /// any. Labels are not used.
    pub(crate) fn add_references(&self, runtime: &Runtime, folder: &Path) -> Result<(), Error> {
        let mut metrics = read_metrics(folder)?;
        let is_refit = metrics.as_ref().is_some_and(|one| one.refit_of().is_some());
        let (name, samples) = match self.dataset.test.as_slice() {
            test @ [_, ..] if is_refit => ("test", test),
            _ => ("validation", self.split.validation.as_slice()),
        };
        let trained_on = is_refit && name == "validation";
        for precision in Precision::ALL {
            let model = folder.join(precision.file());
            if !model.exists() {
                continue;
            }
            let bytes = self.add_reference(runtime, &model, samples, (name, trained_on))?;
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
    fn add_reference(
        &self,
        runtime: &Runtime,
        file: &Path,
        samples: &[Sample],
        (name, trained_on): (&str, bool),
    ) -> Result<u64, Error> {
        let model = Model::load(runtime, file, &self.options())?;
        let (metadata, bytes) = (model.metadata().clone(), model.bytes().to_vec());
        let images = self.set(name, samples, &metadata.classes)?;
        let predictor = ImagePredictor::new(model);
        let what = format!("reference, {}", metadata.precision);
        let answers = predict_all(&predictor, &images, &what, self.progress)?;
        let answers: Vec<Observation> = answers.iter().map(Prediction::observation).collect();
        let reference =
            Reference::of(metadata.classes.len(), &answers).with_images(name, trained_on);
        let changed = onnx_graph::Model::from_bytes(&bytes)?;
        let properties = metadata.with_reference(reference).to_properties()?;
        write_atomically(file, &changed.with_properties(properties).to_bytes()?)?;
        Ok(fs::metadata(file)?.len())
    }
}
