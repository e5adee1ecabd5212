//! The training loop.

use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};
use rand::Rng;

use super::batch::{Batch, order, random_initial};
use super::checkpoint::{Checkpoint, State};
use super::configuration::Configuration;
use super::evaluation::{Evaluation, Validation};
use super::examples::Examples;
use super::gradient::Steps;
use super::layout::Layout;
use super::network::Network;
use super::optimizer::Rates;
use crate::architecture::FEATURES;
use crate::observer::{EpochMetrics, Interrupt, Observer};
use crate::{Error, Weights};

/// The longest time between checkpoints.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(30);

/// A training.
///
/// ```
/// use pet_train::{Configuration, Features, Trainer, Weights};
///
/// let configuration = Configuration { epochs: 2, learning_rate: 0.01, ..Configuration::default() };
/// let train = Features {
///     values: [[0.0; 1280], [1.0; 1280]].concat(),
///     mirrored: None,
///     length: 1280,
///     labels: vec![0, 1],
/// };
/// let weights = Weights::random(42)?;
/// let trained = Trainer::new(&weights, 2, &train, &configuration).run(&mut ())?;
/// assert_eq!(trained.history.len(), 2);
/// # Ok::<(), pet_train::Error>(())
/// ```
#[derive(Clone)]
pub struct Trainer<'a> {
    weights: &'a Weights,
    pub(super) classes: usize,
    pub(super) train: &'a dyn Examples,
    validation: Option<&'a dyn Examples>,
    pub(super) configuration: &'a Configuration,
    checkpoint: Option<&'a Checkpoint>,
    pub(super) interrupt: Interrupt,
}

/// A trained network with its history.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Trained {
    /// The weights of the best epoch, including the head.
    pub weights: Weights,
    /// The best epoch: highest validation accuracy, then lowest loss, then earliest. Without validation the last.
    pub best: EpochMetrics,
    /// All epochs.
    pub history: Vec<EpochMetrics>,
    /// The logits of the validation images at the best epoch, `[images, classes]`; empty without validation.
    pub logits: Vec<Vec<f32>>,
}

impl<'a> Trainer<'a> {
    /// A training that starts from `weights`, whose head is initialized randomly if they have none for `classes` classes.
    /// `train` are photographs, or features of the frozen part.
    pub fn new(
        weights: &'a Weights,
        classes: usize,
        train: &'a dyn Examples,
        configuration: &'a Configuration,
    ) -> Self {
        Self {
            weights,
            classes,
            train,
            validation: None,
            configuration,
            checkpoint: None,
            interrupt: Interrupt::default(),
        }
    }

    /// Validates each epoch, and returns the weights of the best one rather than the last. The examples can have a higher
    /// resolution than those for training, to compensate for random crops, which enlarge objects (Touvron et al. 2019).
    #[must_use]
    pub fn with_validation(self, validation: Option<&'a dyn Examples>) -> Self {
        Self { validation, ..self }
    }

    /// Saves the training to this checkpoint, and resumes it if the file exists.
    #[must_use]
    pub fn with_checkpoint(self, checkpoint: Option<&'a Checkpoint>) -> Self {
        Self { checkpoint, ..self }
    }

    /// Stops the training after saving the checkpoint once `interrupt` is set.
    #[must_use]
    pub fn with_interrupt(self, interrupt: &Interrupt) -> Self {
        Self { interrupt: interrupt.clone(), ..self }
    }

    /// Trains with `AdamW` on cross-entropy. The same seed gives the same weights, regardless of the number of threads and
    /// of interruptions.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfiguration`], [`Error::NoImages`], [`Error::InputValues`], [`Error::Diverged`],
    /// [`Error::Interrupted`], [`Error::Observer`], and errors of the photographs and of the checkpoint.
    pub fn run(&self, observer: &mut dyn Observer) -> Result<Trained, Error> {
        let (weights, layout, network) = self.prepare()?;
        let validation = self.validation.map(|examples| Validation::new(&layout, examples));
        let validation = validation.transpose()?;
        let mut state = State::new(layout.gather(&weights)?, &layout, self.configuration);
        if let Some(checkpoint) = self.checkpoint
            && checkpoint.load(&mut state, self.configuration)?
        {
            let images = state.progress.batches * self.configuration.batch_size;
            let images = images.min(self.train.labels().len());
            observer.images(state.progress.epoch() * self.epoch_images() + images);
        }
        let mut epochs = Epochs {
            trainer: self,
            layout: &layout,
            validation: validation.as_ref(),
            steps: Steps::new(&network, &layout, self.configuration),
            saved: Instant::now(),
        };
        while !state.progress.is_over(self.configuration) {
            epochs.epoch(&mut state, observer)?;
        }
        self.trained(&weights, &layout, validation.as_ref(), state)
    }

    /// The number of images of one epoch, including validation.
    pub fn epoch_images(&self) -> usize {
        let validation = self.validation.map_or(0, |images| images.labels().len());
        self.train.labels().len() + validation
    }

    /// The initial weights, and the layout and network of the trained part.
    pub(super) fn prepare(&self) -> Result<(Weights, Layout, Network), Error> {
        self.check()?;
        let weights = self.initial_weights()?;
        let blocks = weights.architecture().blocks.len();
        let first_block = self.configuration.fine_tune.first_block(blocks)?;
        let layout = Layout::new(&weights, first_block, self.classes)?;
        let network = Network::new(&layout, self.train.input_values())?;
        Ok((weights, layout, network))
    }

    fn check(&self) -> Result<(), Error> {
        self.configuration.check()?;
        if self.validation.is_none() && self.configuration.patience.is_some() {
            return Err(Error::InvalidConfiguration {
                name: "patience",
                expected: "none where nothing is validated".into(),
                got: format!("{:?}", self.configuration.patience),
            });
        }
        let validation = self.validation.map(|examples| ("validation", examples));
        for (split, examples) in [("training", self.train)].into_iter().chain(validation) {
            if examples.labels().is_empty() {
                return Err(Error::NoImages { split });
            }
            let classes = self.classes;
            let mut labels = examples.labels().iter();
            if let Some(label) = labels.find(|label| **label as usize >= classes) {
                return Err(Error::Label { label: *label, classes });
            }
        }
        Ok(())
    }

    /// The initial weights. A missing head is uniform in ±1/√1280, like PyTorch's `Linear`.
    fn initial_weights(&self) -> Result<Weights, Error> {
        if self.weights.head(self.classes).is_ok() {
            return Ok(self.weights.clone());
        }
        let bound = 1.0 / (FEATURES as f32).sqrt();
        let mut random = random_initial(self.configuration.seed);
        let mut uniform = |count: usize| -> Vec<f32> {
            (0..count).map(|_| random.random_range(-bound..bound)).collect()
        };
        let weight = uniform(self.classes * FEATURES);
        let weight = Tensor::from_vec(weight, (self.classes, FEATURES), &Device::Cpu)?;
        let bias = Tensor::from_vec(uniform(self.classes), self.classes, &Device::Cpu)?;
        Ok(self.weights.clone().with_head(weight, bias))
    }

    fn trained(
        &self,
        weights: &Weights,
        layout: &Layout,
        validation: Option<&Validation<'_>>,
        state: State,
    ) -> Result<Trained, Error> {
        // `check` ensures at least one epoch.
        let best = state.progress.best;
        let best = best.ok_or(Error::NoImages { split: "training" })?;
        let folded = layout.fold(&state.best);
        let evaluation = validation
            .map(|validation| validation.run(&folded, &self.interrupt, |_| ()))
            .transpose()?;
        Ok(Trained {
            weights: layout.scatter(&state.best, weights)?,
            best,
            history: state.progress.history,
            logits: evaluation.map_or_else(Vec::new, |evaluation| evaluation.logits),
        })
    }
}

/// The epochs of a training.
struct Epochs<'a> {
    trainer: &'a Trainer<'a>,
    layout: &'a Layout,
    validation: Option<&'a Validation<'a>>,
    steps: Steps<'a>,
    saved: Instant,
}

impl Epochs<'_> {
    /// Trains the rest of an epoch and validates it.
    fn epoch(&mut self, state: &mut State, observer: &mut dyn Observer) -> Result<(), Error> {
        let trainer = self.trainer;
        let (train, configuration) = (trainer.train, trainer.configuration);
        let epoch = state.progress.epoch();
        let order = order(train.labels().len(), epoch, configuration);
        let batches = order.chunks(configuration.batch_size);
        for chosen in batches.skip(state.progress.batches) {
            if let Err(interrupted) = trainer.interrupt.check() {
                self.save(state)?;
                return Err(interrupted);
            }
            let batch = Batch::make(chosen, epoch, train, trainer.classes, configuration)?;
            let rates = self.rates(state.optimizer.steps);
            let outcomes = self.steps.step(state, &batch, rates);
            state.update_average(configuration.average);
            state.progress.batch_done(&outcomes);
            observer.images(chosen.len());
            if self.saved.elapsed() >= CHECKPOINT_INTERVAL {
                self.save(state)?;
            }
        }
        let folded = self.layout.fold(state.validated());
        let done = |images| observer.images(images);
        let evaluation =
            self.validation.map(|validation| validation.run(&folded, &trainer.interrupt, done));
        if matches!(evaluation, Some(Err(Error::Interrupted))) {
            self.save(state)?;
        }
        let evaluation = evaluation.transpose()?;
        let metrics = self.finish_epoch(state, evaluation.as_ref())?;
        if let Some(evaluation) = &evaluation {
            observer.validated(&evaluation.logits);
        }
        observer.epoch(&metrics).map_err(Error::Observer)?;
        self.save(state)
    }

    fn rates(&self, step: u64) -> Rates {
        let configuration = self.trainer.configuration;
        let images = self.trainer.train.labels().len();
        let per_epoch = images.div_ceil(configuration.batch_size) as u64;
        let steps = per_epoch * configuration.epochs as u64;
        let warm_up = (configuration.warm_up * per_epoch as f64).round() as u64;
        let share = configuration.schedule.share(step, steps, warm_up);
        Rates {
            body: share * configuration.body_learning_rate,
            head: share * configuration.learning_rate,
        }
    }

    fn finish_epoch(
        &self,
        state: &mut State,
        evaluation: Option<&Evaluation>,
    ) -> Result<EpochMetrics, Error> {
        let count = self.trainer.train.labels().len() as f64;
        let metrics = EpochMetrics {
            epoch: state.progress.epoch(),
            train_loss: state.progress.loss / count,
            train_acc: state.progress.right as f64 / count,
            val_loss: evaluation.map(|evaluation| evaluation.loss),
            val_acc: evaluation.map(|evaluation| evaluation.accuracy),
        };
        if !(metrics.train_loss.is_finite() && metrics.val_loss.is_none_or(f64::is_finite)) {
            return Err(Error::Diverged {
                epoch: metrics.epoch,
                learning_rate: self.trainer.configuration.learning_rate,
            });
        }
        let best = state.progress.best;
        if best.is_none_or(|best| metrics.better_than(&best)) {
            state.best = state.validated().to_vec();
            state.progress.best = Some(metrics);
        }
        state.progress.epoch_done(metrics);
        Ok(metrics)
    }

    fn save(&mut self, state: &State) -> Result<(), Error> {
        if let Some(checkpoint) = self.trainer.checkpoint {
            checkpoint.save(state, self.trainer.configuration)?;
        }
        self.saved = Instant::now();
        Ok(())
    }
}
