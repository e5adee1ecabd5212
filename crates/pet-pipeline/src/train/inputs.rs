//! The inputs of a training: weights, and images or their features.

use std::sync::Arc;
use std::time::Instant;

use pet_data::{Dataset, FileDigests, Sample, Split};
use pet_image::Preprocess;
use pet_train::network::Backbone;
use pet_train::{
    Configuration, Examples, Extractor, FeatureCache, Features, FineTune, Photographs, Teacher,
    Trainer, Weights,
};

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
    pub(super) dataset: &'a Dataset,
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
            return Ok(TrainingInputs {
                weights,
                train: Box::new(
                    self.photographs(&self.split.train, &self.train_recipe)
                        .with_teachers(self.teachers.clone()),
                ),
                validation: validated.then(|| self.validation_photographs()),
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

    fn validation_photographs(&self) -> Box<dyn Examples> {
        Box::new(self.photographs(&self.split.validation, &self.settings.recipe))
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
        let samples = split.train.iter().chain(&split.validation);
        let samples: Vec<_> = samples.cloned().collect();
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
        let classes = self.dataset.classes.len();
        let trained = Trainer::new(&self.backbone, classes, train, &configuration)
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
