//! Quantization to int8, with a check of the quality.

mod gate;
mod keep;
mod search;

use std::path::Path;

use pet_data::{Dataset, Progress, Sample, Unit, task};
use pet_model::Quantization;
use pet_pipeline::evaluate::{ImageSet, image_error, read_image};
use pet_predict::{Calibration, Calibrator, Limits, Model, Options, Runtime};

use crate::Error;

pub use gate::Gate;

/// Images for the calibration; more hardly change the ranges.
const CALIBRATION: usize = 256;

/// Quantizes models to int8, with labelled images that they were not trained on.
pub struct Int8<'a> {
    dataset: &'a Dataset,
    images: &'a [Sample],
    progress: &'a dyn Progress,
    gate: Gate,
    limits: Limits,
}

/// An int8 model that passed the [`Gate`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Quantized {
    /// The content of the model file.
    pub bytes: Vec<u8>,
    /// Its comparison with the fp32 model.
    pub figures: Quantization,
}

impl<'a> Int8<'a> {
    /// Calibrates and evaluates with `images` of `dataset`.
    pub fn new(dataset: &'a Dataset, images: &'a [Sample], progress: &'a dyn Progress) -> Self {
        Self { dataset, images, progress, gate: Gate::default(), limits: Limits::default() }
    }

    /// Sets the required quality.
    #[must_use]
    pub fn with_gate(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }

    /// Sets the size limits of images.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Quantizes the model in a file. As few of its first convolutions as possible stay in fp32: more are kept until
    /// the model passes the [`Gate`].
    ///
    /// # Errors
    ///
    /// [`Error::Gate`] if no attempt passes, [`Error::Images`] for images that do not match the model or cannot be
    /// read, and errors of ONNX Runtime and of the graph.
    pub fn quantize(&self, runtime: &Runtime, file: &Path) -> Result<Quantized, Error> {
        let model = Model::load(runtime, file, &Options::default().with_image(self.limits))?;
        let classes = &model.metadata().classes;
        let images = ImageSet::new("validation", self.dataset, self.images, classes)?;
        let calibration = self.calibrate(&model, &images.samples)?;
        let search = search::Search::new(runtime, model, &images.samples, self.progress)?;
        search.run(&calibration, self.gate)
    }

    /// Observes the ranges of the model's values on some of the images.
    fn calibrate(&self, model: &Model, images: &[Sample]) -> Result<Calibration, Error> {
        let chosen = calibration_images(images);
        let mut calibrator = Calibrator::new(model)?;
        let count = chosen.len() as u64;
        task(self.progress, "calibrating", count, Unit::Images, || {
            for sample in chosen {
                let observed = calibrator.observe(&read_image(&sample.path, &self.limits)?);
                observed.map_err(image_error(&sample.path))?;
                self.progress.advance(1);
            }
            Ok(calibrator.finish())
        })
    }
}

/// Evenly spaced images of the list, which may be sorted by class.
fn calibration_images(images: &[Sample]) -> Vec<&Sample> {
    let count = CALIBRATION.min(images.len());
    let chosen = (0..count).map(|index| index * images.len() / count);
    chosen.filter_map(|index| images.get(index)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calibration_images_come_from_all_parts() {
        let sample = |class| Sample { path: "a.png".into(), class };
        let samples: Vec<_> = (0..1000).map(sample).collect();
        let chosen = calibration_images(&samples);
        assert_eq!(chosen.len(), CALIBRATION);
        assert_eq!([chosen[0].class, chosen[128].class], [0, 500]);
        assert!(chosen[255].class >= 990);
        assert_eq!(calibration_images(&samples[..3]).len(), 3);
        assert!(calibration_images(&[]).is_empty());
    }
}
