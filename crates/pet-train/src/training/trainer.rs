//! The training loop.

use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};
use rand::Rng;

use super::batch::{Batch, order};
use super::checkpoint::Checkpoint;
use super::evaluation::{Evaluation, evaluate};
use super::examples::Examples;
use super::folding::fold;
use super::layout::Layout;
use super::network::Network;
use super::observer::{EpochMetrics, Observer};
use super::optimizer::Rates;
use super::state::State;
use super::step::Steps;
use super::{Configuration, random};
use crate::network::FEATURES;
use crate::{Error, Interrupt, Weights};

/// How long a killed training may have worked for nothing.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(30);

/// Everything that a training needs.
#[derive(Clone, Copy)]
pub struct Trainer<'a> {
    /// Where it starts from. Without a classifier it starts with a random one.
    pub weights: &'a Weights,
    /// Number of classes.
    pub classes: usize,
    /// What is learned from: photographs, or the features that the frozen part has of them.
    pub train: &'a dyn Examples,
    /// What each epoch is judged by. Its photographs may be larger than those that are trained on: parts that are cut
    /// out at random show animals larger than whole photographs do (Touvron et al. 2019). With `None` all epochs are
    /// trained and the last one's weights are kept.
    pub validation: Option<&'a dyn Examples>,
    /// Hyper-parameters.
    pub configuration: &'a Configuration,
    /// Where the training is put aside, and taken up from when the file is there.
    pub checkpoint: Option<&'a Checkpoint>,
    /// Set to stop early.
    pub interrupt: &'a Interrupt,
}

/// A trained network with its history.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The weights of the best epoch, head included.
    pub weights: Weights,
    /// The epoch they are from: highest validation accuracy, then lowest loss, then earliest; the last without validation.
    pub best: EpochMetrics,
    /// All epochs.
    pub history: Vec<EpochMetrics>,
    /// What the best epoch's weights answer to the validation images, if there are any: one number for each image and
    /// class.
    pub logits: Vec<Vec<f32>>,
}

impl Trainer<'_> {
    /// Trains with Adam on cross-entropy. The same seed gives the same weights, whatever the number of threads, and
    /// however often the training was put aside and taken up again.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfiguration`], [`Error::NoImages`], [`Error::InputValues`], [`Error::Diverged`],
    /// [`Error::Interrupted`], [`Error::Observer`], or when a photograph or the checkpoint cannot be used.
    pub fn run(&self, observer: &mut dyn Observer) -> Result<Trained, Error> {
        self.check()?;
        let weights = self.start()?;
        let blocks = weights.architecture().blocks.len();
        let first_block = self.configuration.fine_tune.first_block(blocks)?;
        let layout = Layout::new(&weights, first_block, self.classes)?;
        let network = Self::network(&layout, self.train)?;
        let judge = self.judge(&layout)?;
        let mut state = State::new(layout.gather(&weights)?, &layout, self.configuration);
        if let Some(checkpoint) = self.checkpoint
            && checkpoint.load(&mut state, self.configuration)?
        {
            let begun = state.progress.batches * self.configuration.batch_size;
            let begun = begun.min(self.train.labels().len());
            observer.images(state.progress.epoch() * self.epoch_images() + begun);
        }
        let mut epochs = Epochs {
            trainer: self,
            layout: &layout,
            judge: judge.as_ref(),
            steps: Steps::new(&network, &layout, self.configuration),
            saved: Instant::now(),
        };
        while !state.progress.is_over(self.configuration) {
            epochs.epoch(&mut state, observer)?;
        }
        self.trained(&weights, &layout, judge.as_ref(), state)
    }

    /// How many images one epoch looks at, those that it is judged by included.
    pub fn epoch_images(&self) -> usize {
        let validation = self.validation.map_or(0, |images| images.labels().len());
        self.train.labels().len() + validation
    }

    pub(super) fn check(&self) -> Result<(), Error> {
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
                return Err(Error::Label {
                    label: *label,
                    classes,
                });
            }
        }
        Ok(())
    }

    /// The weights to start from, with a head: uniform in ±1/√1280 if there is none, as PyTorch's `Linear` starts.
    pub(super) fn start(&self) -> Result<Weights, Error> {
        if self.weights.head(self.classes).is_ok() {
            return Ok(self.weights.clone());
        }
        let bound = 1.0 / (FEATURES as f32).sqrt();
        let mut random = random::initial(self.configuration.seed);
        let mut uniform = |count: usize| -> Vec<f32> {
            (0..count)
                .map(|_| random.random_range(-bound..bound))
                .collect()
        };
        let weight = uniform(self.classes * FEATURES);
        let weight = Tensor::from_vec(weight, (self.classes, FEATURES), &Device::Cpu)?;
        let bias = Tensor::from_vec(uniform(self.classes), self.classes, &Device::Cpu)?;
        Ok(self.weights.clone().with_head(weight, bias))
    }

    /// The network at the size of one side's inputs, which need not be the other's.
    pub(super) fn network(layout: &Layout, examples: &dyn Examples) -> Result<Network, Error> {
        let got = examples.input_values();
        let channels = layout.layers().next().map(|layer| layer.layer.inputs);
        let side = channels.map_or(1, |channels| (got / channels).isqrt());
        let network = Network::new(layout, side);
        let expected = network.input_values();
        if got != expected {
            return Err(Error::InputValues { expected, got });
        }
        Ok(network)
    }

    /// The network at the size of the validation images.
    fn judge<'e>(&'e self, layout: &Layout) -> Result<Option<Judge<'e>>, Error> {
        let judge = self.validation.map(|examples| {
            let network = Self::network(layout, examples)?;
            Ok(Judge { network, examples })
        });
        judge.transpose()
    }

    fn trained(
        &self,
        weights: &Weights,
        layout: &Layout,
        judge: Option<&Judge<'_>>,
        state: State,
    ) -> Result<Trained, Error> {
        // `check` has made sure of at least one epoch.
        let best = state.progress.best;
        let best = best.ok_or(Error::NoImages { split: "training" })?;
        let folded = fold(layout, &state.best);
        let judged = judge.map(|judge| judge.judge(&folded, self.interrupt, |_| ()));
        let judged = judged.transpose()?;
        Ok(Trained {
            weights: layout.scatter(&state.best, weights)?,
            best,
            history: state.progress.history,
            logits: judged.map_or_else(Vec::new, |judged| judged.logits),
        })
    }
}

/// What epochs are judged by.
struct Judge<'a> {
    network: Network,
    examples: &'a dyn Examples,
}

impl Judge<'_> {
    fn judge(
        &self,
        folded: &[f32],
        interrupt: &Interrupt,
        done: impl FnMut(usize),
    ) -> Result<Evaluation, Error> {
        evaluate(&self.network, folded, self.examples, interrupt, done)
    }
}

/// What all epochs share.
struct Epochs<'a> {
    trainer: &'a Trainer<'a>,
    layout: &'a Layout,
    judge: Option<&'a Judge<'a>>,
    steps: Steps<'a>,
    saved: Instant,
}

impl Epochs<'_> {
    /// One pass over the training images, from where it was left, and its validation.
    fn epoch(&mut self, state: &mut State, observer: &mut dyn Observer) -> Result<(), Error> {
        let Trainer {
            train,
            classes,
            configuration,
            interrupt,
            ..
        } = *self.trainer;
        let epoch = state.progress.epoch();
        let order = order(train.labels().len(), epoch, configuration);
        let batches = order.chunks(configuration.batch_size);
        for chosen in batches.skip(state.progress.batches) {
            if let Err(interrupted) = interrupt.check() {
                self.save(state)?;
                return Err(interrupted);
            }
            let batch = Batch::make(chosen, epoch, train, classes, configuration)?;
            let rates = self.rates(state.optimizer.steps);
            let outcomes = self.steps.step(state, &batch, rates);
            state.update_average(configuration.average);
            state.progress.batch_done(&outcomes);
            observer.images(chosen.len());
            if self.saved.elapsed() >= CHECKPOINT_INTERVAL {
                self.save(state)?;
            }
        }
        let folded = fold(self.layout, state.validated());
        let done = |images| observer.images(images);
        let judged = self
            .judge
            .map(|judge| judge.judge(&folded, interrupt, done));
        if matches!(judged, Some(Err(Error::Interrupted))) {
            self.save(state)?;
        }
        let judged = judged.transpose()?;
        let metrics = self.finish_epoch(state, judged.as_ref())?;
        if let Some(judged) = &judged {
            observer.validated(&judged.logits);
        }
        observer
            .epoch(&metrics)
            .map_err(|source| Error::Observer { source })?;
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
        judged: Option<&Evaluation>,
    ) -> Result<EpochMetrics, Error> {
        let count = self.trainer.train.labels().len() as f64;
        let metrics = EpochMetrics {
            epoch: state.progress.epoch(),
            train_loss: state.progress.loss / count,
            train_acc: state.progress.right as f64 / count,
            val_loss: judged.map(|judged| judged.loss),
            val_acc: judged.map(|judged| judged.accuracy),
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
