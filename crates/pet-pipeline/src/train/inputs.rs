//! The inputs of a training: weights, images or their features, and teachers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use pet_data::{FileDigests, Sample, Split};
use pet_image::Preprocess;
use pet_model::class_difference;
use pet_predict::{ImagePredictor, Options, Precision, Runtime, SearchPaths};
use pet_train::network::Backbone;
use pet_train::{
    Configuration, Examples, Extractor, FeatureCache, Features, FineTune, Photographs, Teacher,
    Trainer, Weights,
};
use sha2::{Digest, Sha256};

use super::request::Context;
use crate::error::Error;
use crate::settings::TrainSettings;

/// Initial weights and examples.
pub(super) struct TrainingInputs {
    pub(super) weights: Weights,
    pub(super) train: Box<dyn Examples>,
    /// `None` for a refit.
    pub(super) validation: Option<Box<dyn Examples>>,
}

/// Prepares the inputs.
pub(super) struct Preparation<'a> {
    pub(super) settings: &'a TrainSettings,
    pub(super) context: &'a Context<'a>,
    pub(super) backbone: Weights,
    pub(super) classes: usize,
    pub(super) split: Split,
    /// The recipe with the image size for training.
    pub(super) train_recipe: Preprocess,
    pub(super) teachers: Vec<Arc<dyn Teacher>>,
    /// The digests of the images, which must not change.
    pub(super) files: Arc<FileDigests>,
}

impl Preparation<'_> {
    /// Computes features and, for fine-tuning, first trains the head on them: a random head would distort the pretrained
    /// features (Kumar et al. 2022).
    pub(super) fn inputs(self) -> Result<TrainingInputs, Error> {
        let fine_tune = self.settings.configuration.fine_tune;
        let first_block = fine_tune.first_block(self.backbone.architecture().blocks.len())?;
        let whole = Backbone::new(&self.backbone)?;
        let (train, validation) = self.features(&whole, false)?;
        let validated = !self.split.validation.is_empty();
        let validation_of =
            |features: Features| validated.then(|| Box::new(features) as Box<dyn Examples>);
        if fine_tune == FineTune::None {
            return Ok(TrainingInputs {
                weights: self.backbone,
                train: Box::new(train),
                validation: validation_of(validation),
            });
        }
        let weights = self.with_head(&train, validated.then_some(&validation))?;
        if fine_tune == FineTune::All {
            let train = self.photographs(&self.split.train, &self.train_recipe);
            let validation = self.photographs(&self.split.validation, &self.settings.recipe);
            return Ok(TrainingInputs {
                weights,
                train: Box::new(train.with_teachers(self.teachers)),
                validation: validated.then(|| Box::new(validation) as Box<dyn Examples>),
            });
        }
        let frozen = Backbone::first(&self.backbone, first_block)?;
        let (train, validation) = self.features(&frozen, self.settings.augment.flip > 0.0)?;
        Ok(TrainingInputs {
            weights,
            train: Box::new(train),
            validation: validation_of(validation),
        })
    }

    fn photographs(&self, samples: &[Sample], recipe: &Preprocess) -> Photographs {
        let augment = self.settings.augment;
        Photographs::new(samples, recipe, augment, self.context.limits)
            .with_digests(Arc::clone(&self.files))
    }

    /// The features of training and validation images.
    fn features(&self, backbone: &Backbone, mirrored: bool) -> Result<(Features, Features), Error> {
        let (recipe, split) = (&self.settings.recipe, &self.split);
        let progress = self.context.observer;
        let folder = self.context.cache.join("features");
        let digest = self.backbone.digest()?;
        let open = |mirrored| FeatureCache::open(&folder, &digest, backbone, recipe, mirrored);
        let mut cache = open(false)?;
        let mut mirror_cache = if mirrored { Some(open(true)?) } else { None };
        let extractor = Extractor::new(backbone, recipe)
            .with_limits(self.context.limits)
            .with_digests(&self.files)
            .with_interrupt(&self.context.interrupt);
        let samples = [&split.train[..], &split.validation].concat();
        let (start, cached) = (Instant::now(), cache.len());
        let all = extractor.extract(&samples, &mut cache, mirror_cache.as_mut(), progress)?;
        let (seconds, computed) = (start.elapsed().as_secs_f64(), cache.len() - cached);
        progress.message(&format!(
            "features of {} images in {seconds:.1} s ({computed} computed, {:.1} ms per image)",
            samples.len(),
            1e3 * seconds / samples.len().max(1) as f64
        ));
        Ok(all.split_at(split.train.len()))
    }

    fn with_head(&self, train: &Features, validation: Option<&Features>) -> Result<Weights, Error> {
        let configuration =
            Configuration { seed: self.settings.configuration.seed, ..Configuration::default() };
        let trained = Trainer::new(&self.backbone, self.classes, train, &configuration)
            .with_validation(validation.map(|features| features as &dyn Examples))
            .with_interrupt(&self.context.interrupt)
            .run(&mut ())?;
        if let Some(accuracy) = trained.best.val_acc {
            let message = format!("the head alone reaches {accuracy:.4} on validation");
            self.context.observer.message(&message);
        }
        Ok(trained.weights)
    }
}

/// Exported models for knowledge distillation. `pet-train` does not depend on ONNX Runtime.
#[derive(Default)]
pub(super) struct Teachers {
    pub(super) models: Vec<Arc<dyn Teacher>>,
    /// The SHA-256 of each model's file.
    pub(super) digests: Vec<String>,
}

impl Teachers {
    /// Loads the models in these folders. Their classes must be equal to `classes`.
    pub(super) fn load(
        folders: &[PathBuf],
        libraries: &SearchPaths,
        classes: &[String],
    ) -> Result<Self, Error> {
        let mut teachers = Self::default();
        for folder in folders {
            let predictor = open(folder, libraries).map_err(|source| Error::Teacher {
                path: folder.clone(),
                source: Box::new(source),
            })?;
            check_classes(folder, classes, &predictor.metadata().classes)?;
            let digest = Sha256::digest(predictor.model().bytes());
            teachers.digests.push(format!("{digest:x}"));
            teachers.models.push(Arc::new(Exported(predictor)));
        }
        Ok(teachers)
    }
}

fn open(folder: &Path, libraries: &SearchPaths) -> Result<ImagePredictor, pet_predict::Error> {
    if !folder.exists() {
        return Err(pet_predict::Error::NoModel { path: folder.to_owned() });
    }
    let runtime = Runtime::load(libraries)?;
    // Quantization errors should not be learned.
    let options = Options::default().with_precision(Some(Precision::Fp32));
    ImagePredictor::load(&runtime, folder, &options)
}

fn check_classes(folder: &Path, expected: &[String], got: &[String]) -> Result<(), Error> {
    let Some(difference) = class_difference(expected, got) else {
        return Ok(());
    };
    let (expected, got) = difference.describe();
    Err(Error::TeacherClasses { path: folder.to_owned(), expected, got })
}

/// An exported model. Each session uses a single thread, so that the output is reproducible.
#[derive(Debug)]
struct Exported(ImagePredictor);

impl Teacher for Exported {
    fn recipe(&self) -> &Preprocess {
        &self.0.metadata().preprocess
    }

    /// Calibrates the logits, so that overconfident teachers don't outweigh the others.
    fn answer(&self, input: &[f32]) -> Result<Vec<f32>, Box<dyn std::error::Error + Send + Sync>> {
        let temperature = self.0.metadata().temperature() as f32;
        let mut logits = self.0.run_tensor(input, 1)?;
        for logit in &mut logits {
            *logit /= temperature;
        }
        Ok(logits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_classes_are_reported() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).into()).collect::<Vec<_>>();
        let check = |got: &[&str]| {
            let checked = check_classes(Path::new("old"), &list(&["Beagle", "Pug"]), &list(got));
            checked.map_err(|error| error.to_string())
        };
        assert_eq!(check(&["Beagle", "Pug"]), Ok(()));
        let error = check(&["Beagle", "Birman"]).unwrap_err();
        assert!(error.contains("`old`"), "{error}");
        let expected = "expected `Pug` as class 1, got `Birman` as class 1";
        assert!(error.contains(expected), "{error}");
        assert!(check(&["Beagle"]).unwrap_err().contains("got 1 classes"));
    }
}
