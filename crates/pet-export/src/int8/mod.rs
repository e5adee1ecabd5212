//! The model in 8-bit integers, and whether it is as good as the one in floating-point numbers.

mod gate;
mod keep;
mod search;

use std::path::Path;

use pet_data::{Dataset, Progress, Sample, Unit, task};
use pet_model::Quantization;
use pet_pipeline::evaluate::{ImageSet, at, read};
use pet_predict::{Calibration, Calibrator, Limits, Model, Options, Runtime};

use crate::Error;

pub use gate::Gate;

/// Images that the ranges of the integers are taken from; more change next to nothing.
const CALIBRATION: usize = 256;

/// Makes models in integers with the help of labelled images that no model was trained on.
pub struct Int8<'a> {
    dataset: &'a Dataset,
    images: &'a [Sample],
    progress: &'a dyn Progress,
    gate: Gate,
    limits: Limits,
}

/// A model in integers that is good enough.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Quantized {
    /// The model file.
    pub bytes: Vec<u8>,
    /// How it compares.
    pub figures: Quantization,
}

impl<'a> Int8<'a> {
    /// Calibrates and judges with `images` of the data set.
    pub fn new(dataset: &'a Dataset, images: &'a [Sample], progress: &'a dyn Progress) -> Self {
        Self {
            dataset,
            images,
            progress,
            gate: Gate::default(),
            limits: Limits::default(),
        }
    }

    /// Sets what the model may cost.
    #[must_use]
    pub fn with_gate(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }

    /// Sets how large an image may be.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Quantizes the model in a file. Of its convolutions as few as possible, counted from the
    /// first, stay in floating-point numbers: the first attempt that the gate lets through is taken.
    ///
    /// # Errors
    ///
    /// [`Error::Gate`] when none is good enough; [`Error::Images`] for images that the model does not fit, or what
    /// reading them, ONNX Runtime or the graph fail with.
    pub fn quantize(&self, runtime: &Runtime, file: &Path) -> Result<Quantized, Error> {
        let model = Model::load(runtime, file, &Options::default().with_image(self.limits))?;
        let classes = &model.metadata().classes;
        let images = ImageSet::new("validation", self.dataset, self.images, classes)?;
        let calibration = self.calibrate(&model, &images.samples)?;
        let search = search::Search::new(runtime, model, &images.samples, self.progress)?;
        search.run(&calibration, self.gate)
    }

    /// What the values in the model are on some of the images.
    fn calibrate(&self, model: &Model, images: &[Sample]) -> Result<Calibration, Error> {
        let chosen = calibration_images(images);
        let mut calibrator = Calibrator::new(model)?;
        let count = chosen.len() as u64;
        task(self.progress, "calibrating", count, Unit::Images, || {
            for sample in chosen {
                let observed = calibrator.observe(&read(&sample.path, &self.limits)?);
                observed.map_err(at(&sample.path))?;
                self.progress.advance(1);
            }
            Ok(calibrator.finish())
        })
    }
}

/// Images from all parts of the list, which may be sorted by class.
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
        let sample = |class| Sample {
            path: "a.png".into(),
            class,
        };
        let samples: Vec<_> = (0..1000).map(sample).collect();
        let chosen = calibration_images(&samples);
        assert_eq!(chosen.len(), CALIBRATION);
        assert_eq!([chosen[0].class, chosen[128].class], [0, 500]);
        assert!(chosen[255].class >= 990);
        assert_eq!(calibration_images(&samples[..3]).len(), 3);
        assert!(calibration_images(&[]).is_empty());
    }
}
