//! Quantization to int8, with a check of the quality.

use std::path::Path;

use fs_err as fs;
use onnx_graph::{Dim, Quantizer, Value};
use pet_data::{Progress, Sample, Unit, task};
use pet_model::{ModelMetadata, Precision, Quantization};
use pet_pipeline::evaluate::{image_error, predict_all, read_image};
use pet_predict::{Calibration, Calibrator, ImagePredictor, Model, Options, Prediction, Runtime};

use crate::error::Error;
use crate::gate::Gate;
use crate::images::ModelImages;
use crate::outliers::least_similarity;

/// Images for the calibration; more hardly change the ranges.
const CALIBRATION: usize = 256;

/// The most convolutions at the start that may stay in fp32.
const MAX_FLOAT_LAYERS: usize = 8;

/// An int8 model that passed the [`Gate`].
pub(crate) struct Quantized {
    /// The content of the model file.
    pub(crate) bytes: Vec<u8>,
    /// Its comparison with the fp32 model.
    pub(crate) figures: Quantization,
}

impl ModelImages<'_> {
    /// Quantizes the model in a file with the validation images. As few of its first convolutions as possible stay in fp32:
    /// more are kept until the model passes the gate.
    pub(crate) fn quantize(
        &self,
        runtime: &Runtime,
        file: &Path,
        gate: Gate,
    ) -> Result<Quantized, Error> {
        let model = Model::load(runtime, file, &self.options())?;
        let images = self.set("validation", &self.split.validation, &model.metadata().classes)?;
        let calibration = self.calibrate(&model, &images)?;
        Search::new(runtime, model, &images, self.progress)?.run(&calibration, gate)
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

/// Compares int8 models with their fp32 model.
struct Search<'a> {
    runtime: &'a Runtime,
    images: &'a [Sample],
    progress: &'a dyn Progress,
    options: Options,
    metadata: ModelMetadata,
    floats: onnx_graph::Model,
    bytes_fp32: u64,
    /// The class that the fp32 model predicts for each image.
    expected: Vec<usize>,
    /// The fp32 model's similarity threshold minus the one these images would give: a refit uses that of the run it
    /// refits.
    shift: f64,
}

impl<'a> Search<'a> {
    fn new(
        runtime: &'a Runtime,
        model: Model,
        images: &'a [Sample],
        progress: &'a dyn Progress,
    ) -> Result<Self, Error> {
        let (options, metadata) = (model.options().clone(), model.metadata().clone());
        let floats = onnx_graph::Model::from_bytes(model.bytes())?;
        let bytes_fp32 = model.bytes().len() as u64;
        let answers = predict_all(&ImagePredictor::new(model), images, "fp32", progress)?;
        let thresholds = metadata.least_similarity.zip(least_similarity(&answers));
        Ok(Self {
            runtime,
            images,
            progress,
            options,
            metadata: metadata.with_precision(Precision::Int8),
            floats,
            bytes_fp32,
            expected: top_classes(&answers),
            shift: thresholds.map_or(0.0, |(used, learned)| used - learned),
        })
    }

    /// Returns the first attempt that passes the gate, with an increasing number of layers in fp32.
    fn run(&self, calibration: &Calibration, gate: Gate) -> Result<Quantized, Error> {
        let layers = Quantizer::new(&self.floats).layers();
        let mut best: Option<Quantization> = None;
        for count in split_points(&layers) {
            let attempt = self.attempt(calibration, count, layers.len())?;
            let figures = &attempt.figures;
            if gate.passes(figures) {
                return Ok(attempt);
            }
            if best.as_ref().is_none_or(|best| figures.agreement > best.agreement) {
                best = Some(attempt.figures);
            }
        }
        let figures = Box::new(best.ok_or(Error::NothingToQuantize)?);
        Err(Error::Gate { figures, gate })
    }

    fn attempt(
        &self,
        calibration: &Calibration,
        fp32_layers: usize,
        layers: usize,
    ) -> Result<Quantized, Error> {
        let quantizer = Quantizer::new(&self.floats)
            .with_float_layers(fp32_layers)
            .with_channels(&calibration.channels);
        let model = quantizer
            .quantize(&calibration.ranges)?
            .with_properties(self.metadata.to_properties()?);
        let folder = tempfile::tempdir()?;
        let file = folder.path().join(Precision::Int8.file());
        fs::write(&file, model.to_bytes()?)?;
        let predictor = ImagePredictor::load(self.runtime, &file, &self.options)?;
        let what = format!("int8, {fp32_layers} layers in fp32");
        let predictions = predict_all(&predictor, self.images, &what, self.progress)?;
        let mut metadata = self.metadata.clone();
        let learned = least_similarity(&predictions);
        metadata.least_similarity = learned.map(|least| (least + self.shift).clamp(-1.0, 1.0));
        let model = model.with_properties(metadata.to_properties()?);
        let bytes = model.to_bytes()?;
        let classes = top_classes(&predictions);
        let labels: Vec<usize> = self.images.iter().map(|image| image.class).collect();
        let figures = Quantization {
            images: self.images.len(),
            calibration_images: calibration_images(self.images).len(),
            top1_fp32: agreement(&self.expected, &labels),
            top1_int8: agreement(&classes, &labels),
            agreement: agreement(&self.expected, &classes),
            fp32_layers,
            layers,
            bytes_fp32: self.bytes_fp32,
            bytes_int8: bytes.len() as u64,
        };
        Ok(Quantized { bytes, figures })
    }
}

/// Evenly spaced images of the list, which may be sorted by class.
fn calibration_images(images: &[Sample]) -> Vec<&Sample> {
    let count = CALIBRATION.min(images.len());
    let chosen = (0..count).map(|index| index * images.len() / count);
    chosen.filter_map(|index| images.get(index)).collect()
}

/// The most probable class of each image.
fn top_classes(predictions: &[Prediction]) -> Vec<usize> {
    let best = |prediction: &Prediction| {
        let best = prediction.top_k(1);
        best.first().map_or(usize::MAX, |best| best.index)
    };
    predictions.iter().map(best).collect()
}

/// Numbers of layers to keep in fp32, given the layers' outputs. The output of the last one has to be quantized, which
/// takes time, so a layer whose output is much larger than the next one's is not the last in fp32.
fn split_points(outputs: &[Value]) -> Vec<usize> {
    let sizes: Vec<usize> = outputs.iter().map(size).collect();
    let next_is_small = |count: usize| match count.checked_sub(1) {
        Some(last) => sizes.get(count).is_some_and(|&next| 2 * next <= sizes[last]),
        None => false,
    };
    let all = 0..outputs.len().min(MAX_FLOAT_LAYERS + 1);
    all.filter(|&count| !next_is_small(count)).collect()
}

/// Elements of a value for one image.
fn size(value: &Value) -> usize {
    value.shape().iter().filter_map(Dim::extent).product()
}

/// The share of positions at which two lists are equal.
fn agreement(one: &[usize], other: &[usize]) -> f64 {
    let equal = one.iter().zip(other).filter(|(one, other)| one == other);
    equal.count() as f64 / one.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use onnx_graph::{DataType, Graph};

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

    #[test]
    fn integers_begin_where_few_numbers_cross() {
        let mut graph = Graph::new("sizes");
        let mut value = |(index, size): (usize, &usize)| {
            let shape = [Dim::symbol("batch"), Dim::fixed(*size)];
            graph.input(&format!("{index}"), DataType::F32, &shape).unwrap()
        };
        // The beginning of MobileNetV2, in thousands: widening, filtering, narrowing.
        let sizes = [401, 401, 200, 1204, 301, 75, 451, 451, 75, 451];
        let results: Vec<_> = sizes.iter().enumerate().map(&mut value).collect();
        assert_eq!(split_points(&results), [0, 1, 3, 6, 7]);
        assert_eq!(split_points(&results[..1]), [0]);
        assert!(split_points(&[]).is_empty());
    }
}
