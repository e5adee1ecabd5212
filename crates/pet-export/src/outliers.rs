//! Detection of outliers: images that show none of the classes.
//!
//! Class probabilities sum to 1 for any image, but the features of an outlier are far from the mean features of every
//! class. The exported model therefore has a second output, the cosine similarities between an image's features and the
//! class means (the nearest class mean of [Mensink et al. 2013](https://doi.org/10.1109/TPAMI.2013.83) on normalized
//! features). Its metadata has the threshold that the largest similarity of nearly all images of the classes exceeds.

use std::path::Path;

use mlflow_client::{Client, ModelVersion};
use onnx_graph::{GemmOptions, Graph, Node};
use pet_data::{Progress, Sample, Unit, task};
use pet_model::{
    ModelMetadata, OUTPUT_NAME, REFIT_OF, SIMILARITY_NAME, Selection, write_atomically,
};
use pet_pipeline::evaluate::{image_error, predict_all, read_image};
use pet_predict::{FeatureExtractor, ImagePredictor, Model, Prediction, Runtime};
use pet_train::to_onnx;

use crate::error::{Error, doing};
use crate::images::ModelImages;
use crate::registered::{fetch, version_of};
use crate::select::only;

/// Images per class mean; more change it little.
const EXAMPLES: usize = 50;

/// The share of images of the classes that may be reported as outliers.
const FALSE_ALARMS: f64 = 0.02;

impl ModelImages<'_> {
    /// Adds the output [`SIMILARITY_NAME`] to the model in `file` and the threshold to its metadata, which is returned. The
    /// class means are those of training images; the threshold is `carried`, or else learned from the validation images.
    pub(crate) fn add_outliers(
        &self,
        runtime: &Runtime,
        file: &Path,
        carried: Option<f64>,
    ) -> Result<ModelMetadata, Error> {
        let model = Model::load(runtime, file, &self.options())?;
        let mut metadata = model.metadata().clone();
        let classes = &metadata.classes;
        let train = self.set("train", &self.split.train, classes)?;
        let validation = self.set("validation", &self.split.validation, classes)?;
        let means = self.class_means(&model, &train)?;
        let changed = onnx_graph::Model::from_bytes(model.bytes())?;
        let graph = with_similarity(changed.graph(), &means, classes.len())?;
        let changed = changed.with_graph(graph);
        // Without a threshold, the lowest cosine for now: the model is run to find it.
        metadata.least_similarity = carried.or(Some(-1.0));
        write(&changed, &metadata, file)?;
        if carried.is_some() {
            return Ok(metadata);
        }
        let predictor = ImagePredictor::load(runtime, file, &self.options())?;
        let predictions = predict_all(&predictor, &validation, "telling outliers", self.progress)?;
        metadata.least_similarity = least_similarity(&predictions);
        write(&changed, &metadata, file)?;
        Ok(metadata)
    }

    /// The threshold of the run that the selected version is a refit of. A refit was trained on the images that the
    /// threshold is learned from, and finds those more similar than other images of the same classes; so it uses the
    /// threshold of the run it refits, along with that run's validation accuracy and temperature. `None` if the version is
    /// not a refit, or if that run has no usable model, such as a cross-validation, which is reported.
    pub(crate) fn carried_threshold(
        &self,
        client: &Client,
        runtime: &Runtime,
        selection: &Selection,
    ) -> Result<Option<f64>, Error> {
        let run = client.run(&selection.run_id).map_err(doing("read the run"))?;
        let Some(refitted) = run.tags.get(REFIT_OF) else {
            return Ok(None);
        };
        let found = match version_of(client, &selection.model_name, refitted)? {
            Some(version) => self.learned_threshold(client, runtime, &version)?,
            None => None,
        };
        if found.is_none() {
            self.note_refit(refitted);
        }
        Ok(found)
    }

    /// The threshold that the model of a version learns from the images, or `None` if its files cannot be used.
    fn learned_threshold(
        &self,
        client: &Client,
        runtime: &Runtime,
        version: &ModelVersion,
    ) -> Result<Option<f64>, Error> {
        let place = tempfile::tempdir()?;
        let selection = only(client, &version.name, version, "refitted".into())?;
        let (weights, metadata) = match fetch(client, &selection, place.path()) {
            Ok(fetched) => fetched,
            Err(
                Error::FilesGone { .. } | Error::ForeignModel { .. } | Error::ForeignFiles { .. },
            ) => return Ok(None),
            Err(error) => return Err(error),
        };
        let file = place.path().join("refitted.onnx");
        write_atomically(&file, &to_onnx(&weights, &metadata)?)?;
        Ok(self.add_outliers(runtime, &file, None)?.least_similarity)
    }

    /// Reports that the threshold of a refit is learned from images it was trained on.
    pub(crate) fn note_refit(&self, run_id: &str) {
        self.progress.message(&format!(
            "the similarity threshold is learned from images that the refit was trained on and may be too strict: run \
             {run_id}, whose threshold it would use, has no model"
        ));
    }

    /// The normalized mean features of each class, row by row; zeros for a class without images.
    fn class_means(&self, model: &Model, images: &[Sample]) -> Result<Vec<f32>, Error> {
        let classes = model.metadata().classes.len();
        let chosen = examples(images, classes);
        let count = chosen.len() as u64;
        let features = task(self.progress, "learning the classes", count, Unit::Images, || {
            extract(model, &chosen, self.progress)
        })?;
        let channels = features.first().map_or(0, Vec::len);
        let mut means = vec![0.0; classes * channels];
        for (sample, features) in chosen.iter().zip(&features) {
            let mean = means.chunks_exact_mut(channels).nth(sample.class);
            let unit = unit(features);
            for (sum, value) in mean.into_iter().flatten().zip(unit) {
                *sum += value;
            }
        }
        let means = means.chunks_exact(channels.max(1)).flat_map(unit);
        Ok(means.map(|value| value as f32).collect())
    }
}

/// The first [`EXAMPLES`] images of each class.
fn examples(images: &[Sample], classes: usize) -> Vec<&Sample> {
    let mut counts = vec![0; classes];
    let is_example = |sample: &&Sample| match counts.get_mut(sample.class) {
        Some(count) if *count < EXAMPLES => {
            *count += 1;
            true
        }
        _ => false,
    };
    images.iter().filter(is_example).collect()
}

/// Extracts the features of all images on all cores.
fn extract(
    model: &Model,
    images: &[&Sample],
    progress: &dyn Progress,
) -> Result<Vec<Vec<f32>>, Error> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let work = |part: &[&Sample]| -> Result<Vec<_>, Error> {
        let limits = &model.options().image;
        let mut extractor = FeatureExtractor::new(model)?;
        let one = |sample: &&Sample| {
            let features = extractor.extract(&read_image(&sample.path, limits)?);
            progress.advance(1);
            Ok(features.map_err(image_error(&sample.path))?)
        };
        part.iter().map(one).collect()
    };
    std::thread::scope(|scope| {
        let parts = images.chunks(images.len().div_ceil(threads).max(1));
        let threads: Vec<_> = parts.map(|part| scope.spawn(move || work(part))).collect();
        let mut all = Vec::with_capacity(images.len());
        for thread in threads {
            all.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(all)
    })
}

/// The vector scaled to length 1; zeros stay zeros.
fn unit<T: Copy + Into<f64>>(vector: &[T]) -> impl Iterator<Item = f64> + '_ {
    let square = |&value: &T| value.into() * value.into();
    let length = vector.iter().map(square).sum::<f64>().sqrt();
    let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
    vector.iter().map(move |&value| value.into() * scale)
}

/// Adds the cosine similarities between the features and `means` as second output.
fn with_similarity(graph: &Graph, means: &[f32], classes: usize) -> Result<Graph, Error> {
    let mut graph = graph.clone();
    let is_last = |node: &&Node| node.outputs().iter().any(|output| output == OUTPUT_NAME);
    let linear = graph.nodes().iter().find(is_last);
    let linear = linear.filter(|node| node.op_type() == "Gemm");
    let features = linear.and_then(|node| graph.value(node.inputs().first()?));
    let features = features.ok_or(Error::NoFeatures)?;
    let shape = [classes, means.len() / classes.max(1)];
    let means = graph.initializer("similarity.means", &shape, means)?;
    let direction = graph.l2_normalize("similarity.direction", &features, -1)?;
    let options = GemmOptions::default().with_transpose_b(true);
    let cosines = graph.gemm("similarity.cosines", &direction, &means, None, options)?;
    graph.output(SIMILARITY_NAME, &cosines)?;
    Ok(graph)
}

fn write(model: &onnx_graph::Model, metadata: &ModelMetadata, file: &Path) -> Result<(), Error> {
    let model = model.clone().with_properties(metadata.to_properties()?);
    Ok(write_atomically(file, &model.to_bytes()?)?)
}

/// The similarity that all but [`FALSE_ALARMS`] of these images of the classes reach. `None` without images, or for a
/// model without similarities.
pub(crate) fn least_similarity(predictions: &[Prediction]) -> Option<f64> {
    let mut found: Vec<f32> = predictions.iter().filter_map(Prediction::similarity).collect();
    found.sort_by(f32::total_cmp);
    let index = (found.len() as f64 * FALSE_ALARMS) as usize;
    found.get(index).copied().map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_images_of_every_class_are_examples() {
        let sample = |class| Sample { path: "a.png".into(), class };
        let samples: Vec<_> = (0..300).map(|index| sample(index / 100)).collect();
        let chosen = examples(&samples, 3);
        assert_eq!(chosen.len(), 3 * EXAMPLES);
        assert_eq!([chosen[0].class, chosen[149].class], [0, 2]);
        assert_eq!(examples(&samples[..7], 3).len(), 7);
        assert!(examples(&samples, 0).is_empty(), "classes the model has not");
    }

    #[test]
    fn directions_have_length_one() {
        let made: Vec<_> = unit(&[3.0_f32, 0.0, -4.0]).collect();
        let near = |(one, other): (&f64, f64)| (one - other).abs() < 1e-12;
        assert!(made.iter().zip([0.6, 0.0, -0.8]).all(near), "{made:?}");
        assert_eq!(unit(&[0.0_f32; 2]).collect::<Vec<_>>(), [0.0; 2]);
    }
}
