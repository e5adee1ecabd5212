//! What training starts from: weights, and photographs or what the frozen part of the network makes of them.

use std::path::Path;
use std::time::Instant;

use pet_data::{Progress, Sample, Split};
use pet_image::{Augment, Limits, Preprocess};
use pet_train::mobilenet::Backbone;
use pet_train::{
    Configuration, EpochMetrics, Examples, Extractor, FeatureCache, Features, FineTune, Interrupt,
    Observer, Photographs, Trainer, Weights,
};

use crate::failure::Failure;

/// Examples and the weights to start with.
pub(super) struct Materials {
    pub(super) weights: Weights,
    pub(super) train: Box<dyn Examples>,
    pub(super) validation: Box<dyn Examples>,
}

/// What they are made of.
pub(super) struct Source<'a> {
    pub(super) cache: &'a Path,
    pub(super) backbone: Weights,
    pub(super) preprocess: &'a Preprocess,
    /// The same at the size that is trained on.
    pub(super) train_recipe: &'a Preprocess,
    pub(super) augment: Augment,
    pub(super) classes: usize,
    pub(super) seed: u64,
    pub(super) interrupt: &'a Interrupt,
    pub(super) progress: &'a dyn Progress,
}

impl Source<'_> {
    /// Fine-tuning starts with a head that was trained on the frozen backbone's features: a random one would at first
    /// pull the backbone away from what it knows (Kumar et al. 2022).
    pub(super) fn materials(
        self,
        fine_tune: FineTune,
        split: &Split,
    ) -> Result<Materials, Failure> {
        let whole = Backbone::new(&self.backbone)?;
        let (train, validation) = self.features(&whole, split, false)?;
        if fine_tune == FineTune::None {
            return Ok(Materials {
                weights: self.backbone,
                train: Box::new(train),
                validation: Box::new(validation),
            });
        }
        let weights = self.with_head(&train, &validation)?;
        let (train, validation) = if fine_tune == FineTune::All {
            (
                self.photographs(&split.train, self.train_recipe),
                self.photographs(&split.validation, self.preprocess),
            )
        } else {
            let frozen = Backbone::first(&self.backbone, fine_tune.first_block())?;
            let (train, validation) = self.features(&frozen, split, self.augment.flip > 0.0)?;
            (
                Box::new(train) as Box<dyn Examples>,
                Box::new(validation) as _,
            )
        };
        Ok(Materials {
            weights,
            train,
            validation,
        })
    }

    fn photographs(&self, samples: &[Sample], recipe: &Preprocess) -> Box<dyn Examples> {
        let limits = Limits::default();
        Box::new(Photographs::new(samples, recipe, self.augment, limits))
    }

    /// What `backbone` makes of the training and the validation images.
    fn features(
        &self,
        backbone: &Backbone,
        split: &Split,
        mirrored: bool,
    ) -> Result<(Features, Features), Failure> {
        let folder = self.cache.join("features");
        let digest = self.backbone.digest()?;
        let open =
            |mirrored| FeatureCache::open(&folder, &digest, backbone, self.preprocess, mirrored);
        let mut cache = open(false)?;
        let mut mirror_cache = if mirrored { Some(open(true)?) } else { None };
        let extractor = Extractor {
            backbone,
            preprocess: self.preprocess,
            limits: Limits::default(),
            interrupt: self.interrupt,
        };
        let samples: Vec<_> = split
            .train
            .iter()
            .chain(&split.validation)
            .cloned()
            .collect();
        let (start, cached) = (Instant::now(), cache.len());
        let all = extractor.extract(&samples, &mut cache, mirror_cache.as_mut(), self.progress)?;
        let (seconds, computed) = (start.elapsed().as_secs_f64(), cache.len() - cached);
        self.progress.message(&format!(
            "features of {} images in {seconds:.1} s ({computed} computed, {:.1} ms per image)",
            samples.len(),
            1e3 * seconds / samples.len().max(1) as f64
        ));
        Ok(all.split_at(split.train.len()))
    }

    fn with_head(&self, train: &Features, validation: &Features) -> Result<Weights, Failure> {
        let configuration = Configuration {
            seed: self.seed,
            ..Configuration::default()
        };
        let trainer = Trainer {
            weights: &self.backbone,
            classes: self.classes,
            train,
            validation,
            configuration: &configuration,
            checkpoint: None,
            interrupt: self.interrupt,
        };
        let trained = trainer.run(&mut Unwatched)?;
        let message = format!(
            "the head alone reaches {:.4} on validation",
            trained.best.val_acc
        );
        self.progress.message(&message);
        Ok(trained.weights)
    }
}

struct Unwatched;

impl Observer for Unwatched {
    fn epoch(&mut self, _: &EpochMetrics) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }
}
