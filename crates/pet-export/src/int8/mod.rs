//! The model in 8-bit integers, and whether it is as good as the one in floating-point numbers.

mod keep;

use std::collections::BTreeMap;
use std::path::Path;

use fs_err as fs;
use onnx_graph::{Quantizer, Range};
use pet_data::{Dataset, Progress, Sample, Unit, task};
use pet_model::{ModelMetadata, Precision, Quantization};
use pet_pipeline::evaluate::ImageSet;
use pet_predict::{Calibrator, ImagePredictor, Model, Options, Runtime};

use crate::Error;

/// Images that the ranges of the integers are taken from; more change next to nothing.
const CALIBRATION: usize = 256;
/// Images that are predicted together, between two steps of the progress bar.
const BATCH: usize = 32;
/// Convolutions at the start that may stay in floating-point numbers.
const MOST_FLOAT_LAYERS: usize = 8;

/// What a model in integers may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Gate {
    /// The largest loss of accuracy, 0 to 1.
    pub loss: f64,
    /// The largest share of images with another answer, 0 to 1.
    pub differing: f64,
}

impl Default for Gate {
    /// 0.3 points of accuracy, other answers on 2 % of the images.
    fn default() -> Self {
        Self {
            loss: 0.003,
            differing: 0.02,
        }
    }
}

impl Gate {
    fn lets_through(self, figures: &Quantization) -> bool {
        // Of two shares of the same images: a difference of exactly the limit is no more than it.
        let rounding = 1e-9;
        figures.top1_fp32 - figures.top1_int8 <= self.loss + rounding
            && 1.0 - figures.agreement <= self.differing + rounding
    }
}

/// Makes models in integers with the help of labelled images that no model was trained on.
pub struct Int8<'a> {
    dataset: &'a Dataset,
    images: &'a [Sample],
    progress: &'a dyn Progress,
    gate: Gate,
}

/// A model in integers that is good enough.
#[derive(Clone, Debug)]
pub struct Quantized {
    /// The model file.
    pub bytes: Vec<u8>,
    /// How it compares.
    pub figures: Quantization,
}

impl<'a> Int8<'a> {
    /// Calibrates and judges with `images` of the data set.
    pub fn new(dataset: &'a Dataset, images: &'a [Sample], progress: &'a dyn Progress) -> Self {
        let gate = Gate::default();
        Self {
            dataset,
            images,
            progress,
            gate,
        }
    }

    /// Sets what the model may cost.
    #[must_use]
    pub fn with_gate(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }

    /// Quantizes the model in a file. Of its convolutions as few as possible, counted from the
    /// first, stay in floating-point numbers: the first attempt that the gate lets through is taken.
    ///
    /// # Errors
    ///
    /// [`Error::Gate`] when none is good enough; [`Error::Images`] for images that the model does not fit, or what
    /// reading them, ONNX Runtime or the graph fail with.
    pub fn quantize(&self, runtime: &Runtime, file: &Path) -> Result<Quantized, Error> {
        let model = Model::load(runtime, file, &Options::default())?;
        let classes = &model.metadata().classes;
        let images = ImageSet::new("validation", self.dataset, self.images, classes)?;
        let ranges = self.calibrate(&model, &images.samples)?;
        self.search(runtime, model, &images.samples, &ranges)
    }

    /// The ranges of the values in the model on some of the images.
    fn calibrate(
        &self,
        model: &Model,
        images: &[Sample],
    ) -> Result<BTreeMap<String, Range>, Error> {
        let chosen = spread(images, CALIBRATION);
        let mut calibrator = Calibrator::new(model)?;
        let count = chosen.len() as u64;
        task(self.progress, "calibrating", count, Unit::Images, || {
            for sample in chosen {
                calibrator
                    .observe(&fs::read(&sample.path)?)
                    .map_err(at(&sample.path))?;
                self.progress.advance(1);
            }
            Ok(calibrator.into_ranges())
        })
    }

    /// Tries with more and more layers in floating-point numbers.
    fn search(
        &self,
        runtime: &Runtime,
        model: Model,
        images: &[Sample],
        ranges: &BTreeMap<String, Range>,
    ) -> Result<Quantized, Error> {
        let place = tempfile::tempdir()?;
        let file = place.path().join(Precision::Int8.file());
        let floats = onnx_graph::Model::from_bytes(model.bytes())?;
        let (metadata, bytes_fp32) = (model.metadata().clone(), model.bytes().len() as u64);
        let labels: Vec<usize> = images.iter().map(|image| image.class).collect();
        let expected = self.guesses(&ImagePredictor::new(model), images, "fp32")?;
        let layers = Quantizer::new(&floats).layers();
        let mut best: Option<Quantization> = None;
        for fp32_layers in 0..layers.min(MOST_FLOAT_LAYERS + 1) {
            let quantizer = Quantizer::new(&floats).with_float_layers(fp32_layers);
            let bytes = describe(quantizer.quantize(ranges)?, &metadata)?.to_bytes()?;
            fs::write(&file, &bytes)?;
            let predictor = ImagePredictor::load(runtime, &file, &Options::default())?;
            let what = format!("int8, {fp32_layers} layers in fp32");
            let guesses = self.guesses(&predictor, images, &what)?;
            let figures = Quantization {
                images: images.len(),
                calibration_images: images.len().min(CALIBRATION),
                top1_fp32: agreement(&expected, &labels),
                top1_int8: agreement(&guesses, &labels),
                agreement: agreement(&expected, &guesses),
                fp32_layers,
                layers,
                bytes_fp32,
                bytes_int8: bytes.len() as u64,
            };
            if self.gate.lets_through(&figures) {
                return Ok(Quantized { bytes, figures });
            }
            if best
                .as_ref()
                .is_none_or(|best| figures.agreement > best.agreement)
            {
                best = Some(figures);
            }
        }
        Err(self.refusal(best))
    }

    fn refusal(&self, best: Option<Quantization>) -> Error {
        let Some(best) = best else {
            return Error::NothingToQuantize;
        };
        Error::Gate {
            figures: Box::new(best),
            gate: self.gate,
        }
    }

    /// The most probable class of each image.
    fn guesses(
        &self,
        predictor: &ImagePredictor,
        images: &[Sample],
        what: &str,
    ) -> Result<Vec<usize>, Error> {
        let count = images.len() as u64;
        task(self.progress, what, count, Unit::Images, || {
            let mut guesses = Vec::with_capacity(images.len());
            for batch in images.chunks(BATCH) {
                let contents = batch.iter().map(|sample| fs::read(&sample.path));
                let contents = contents.collect::<Result<Vec<_>, _>>()?;
                for (sample, prediction) in batch.iter().zip(predictor.predict_batch(&contents)) {
                    let prediction = prediction.map_err(at(&sample.path))?;
                    guesses.push(
                        prediction
                            .top_k(1)
                            .first()
                            .map_or(usize::MAX, |best| best.index),
                    );
                }
                self.progress.advance(batch.len() as u64);
            }
            Ok(guesses)
        })
    }
}

/// The model with the metadata of one in integers. Its accuracy is that of the run, as figures of other numbers and
/// images are kept with their size in `metrics.json`.
fn describe(
    model: onnx_graph::Model,
    metadata: &ModelMetadata,
) -> Result<onnx_graph::Model, Error> {
    let metadata = metadata.clone().with_precision(Precision::Int8);
    let properties = metadata.to_properties()?.into_iter();
    Ok(properties.fold(model, |model, (key, value)| model.with_metadata(key, value)))
}

/// Up to `count` samples from all parts of a list, which may be sorted by class.
fn spread(samples: &[Sample], count: usize) -> Vec<&Sample> {
    let count = count.min(samples.len());
    let chosen = (0..count).map(|index| index * samples.len() / count);
    chosen.filter_map(|index| samples.get(index)).collect()
}

/// The share of places at which two lists are equal.
fn agreement(one: &[usize], other: &[usize]) -> f64 {
    let equal = one.iter().zip(other).filter(|(one, other)| one == other);
    equal.count() as f64 / one.len().max(1) as f64
}

fn at(path: &Path) -> impl Fn(pet_predict::Error) -> Error {
    move |source| Error::Image {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(top1_int8: f64, agreement: f64) -> Quantization {
        Quantization {
            top1_fp32: 0.9,
            top1_int8,
            agreement,
            ..Quantization::default()
        }
    }

    #[test]
    fn the_gate_looks_at_accuracy_and_at_answers() {
        let gate = Gate::default();
        assert!(gate.lets_through(&figures(0.9, 1.0)));
        assert!(gate.lets_through(&figures(0.897, 0.98)), "at the limits");
        assert!(gate.lets_through(&figures(0.91, 0.99)), "better than fp32");
        assert!(!gate.lets_through(&figures(0.8969, 0.99)));
        assert!(!gate.lets_through(&figures(0.9, 0.979)));
        assert!(!gate.lets_through(&figures(f64::NAN, 1.0)));
    }

    #[test]
    fn calibration_images_come_from_all_parts() {
        let sample = |class| Sample {
            path: "a.png".into(),
            class,
        };
        let samples: Vec<_> = (0..10).map(sample).collect();
        let classes = |count| -> Vec<usize> {
            spread(&samples, count)
                .iter()
                .map(|one| one.class)
                .collect()
        };
        assert_eq!(classes(3), [0, 3, 6]);
        assert_eq!(classes(99), (0..10).collect::<Vec<_>>());
        assert!(spread(&[], 5).is_empty());
    }
}
