//! The training loop.

use candle_core::{D, IndexOp, Module, Tensor};
use candle_nn::{AdamW, Optimizer, ParamsAdamW, loss::cross_entropy};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::layer::{Variables, dropout, generator};
use super::{Head, HeadConfiguration};
use crate::{Error, Features, Interrupt};

/// Streams of random numbers, so that one more draw for one purpose does not shift another's.
const INITIAL_WEIGHTS: u64 = 0;
const FIRST_EPOCH: u64 = 1;

/// What one epoch came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// From 0.
    pub epoch: usize,
    /// Mean cross-entropy in nats over the training images, as they were seen.
    pub train_loss: f64,
    /// Share of training images classified rightly as they were seen, 0 to 1.
    pub train_acc: f64,
    /// Mean cross-entropy in nats over the validation images after the epoch.
    pub val_loss: f64,
    /// Share of validation images classified rightly after the epoch, 0 to 1.
    pub val_acc: f64,
}

impl EpochMetrics {
    fn better_than(&self, other: &Self) -> bool {
        (self.val_acc, -self.val_loss) > (other.val_acc, -other.val_loss)
    }
}

/// Told of every epoch as it ends.
pub trait Observer {
    /// Called after each epoch.
    ///
    /// # Errors
    ///
    /// Whatever the observer cannot do; training then stops with [`Error::Observer`].
    fn epoch(
        &mut self,
        metrics: &EpochMetrics,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;
}

/// A head with its history.
#[derive(Clone, Debug)]
pub struct TrainedHead {
    /// The head of the best epoch.
    pub head: Head,
    /// The epoch it is from: highest validation accuracy, then lowest loss, then earliest.
    pub best: EpochMetrics,
    /// All epochs.
    pub history: Vec<EpochMetrics>,
}

/// Trains a head for `classes` classes with Adam on cross-entropy.
///
/// The same seed gives the same weights, whatever the number of threads.
///
/// # Errors
///
/// [`Error::InvalidConfiguration`], [`Error::NoImages`], [`Error::Diverged`], [`Error::Interrupted`] or
/// [`Error::Observer`].
pub fn train_head(
    train: &Features,
    validation: &Features,
    classes: usize,
    configuration: &HeadConfiguration,
    interrupt: &Interrupt,
    observer: &mut dyn Observer,
) -> Result<TrainedHead, Error> {
    configuration.check()?;
    for (split, features) in [("training", train), ("validation", validation)] {
        if features.labels.is_empty() {
            return Err(Error::NoImages { split });
        }
    }
    let variables = Variables::new(classes, &mut generator(configuration.seed, INITIAL_WEIGHTS))?;
    let parameters = ParamsAdamW {
        lr: configuration.learning_rate,
        weight_decay: configuration.weight_decay,
        ..ParamsAdamW::default()
    };
    let mut optimizer = AdamW::new(variables.all(), parameters)?;
    let mut history: Vec<EpochMetrics> = Vec::new();
    let mut best: Option<(Head, EpochMetrics)> = None;
    for epoch in 0..configuration.epochs {
        interrupt.check()?;
        let (train_loss, train_acc) =
            run_epoch(train, &variables, &mut optimizer, configuration, epoch)?;
        let (val_loss, val_acc) = measure(&variables.head(), validation)?;
        let metrics = EpochMetrics {
            epoch,
            train_loss,
            train_acc,
            val_loss,
            val_acc,
        };
        if !(train_loss.is_finite() && val_loss.is_finite()) {
            return Err(Error::Diverged {
                epoch,
                learning_rate: configuration.learning_rate,
            });
        }
        history.push(metrics);
        observer
            .epoch(&metrics)
            .map_err(|source| Error::Observer { source })?;
        if best
            .as_ref()
            .is_none_or(|(_, best)| metrics.better_than(best))
        {
            best = Some((variables.snapshot()?, metrics));
        }
        let since_best = best.as_ref().map_or(0, |(_, best)| epoch - best.epoch);
        if configuration
            .patience
            .is_some_and(|patience| since_best >= patience)
        {
            break;
        }
    }
    // `check` has made sure of at least one epoch.
    let (head, best) = best.ok_or(Error::NoImages { split: "training" })?;
    Ok(TrainedHead {
        head,
        best,
        history,
    })
}

/// One pass over the training images in a seeded order; the mean loss and the accuracy as seen.
fn run_epoch(
    train: &Features,
    variables: &Variables,
    optimizer: &mut AdamW,
    configuration: &HeadConfiguration,
    epoch: usize,
) -> Result<(f64, f64), Error> {
    let mut generator = generator(configuration.seed, FIRST_EPOCH + epoch as u64);
    let labels = Tensor::new(train.labels.as_slice(), train.values.device())?;
    let mut order: Vec<u32> = (0..train.labels.len() as u32).collect();
    order.shuffle(&mut generator);
    let (mut loss_sum, mut right) = (0.0, 0);
    for batch in order.chunks(configuration.batch_size) {
        let chosen = Tensor::new(batch, train.values.device())?;
        let features = train.values.index_select(&chosen, 0)?;
        let labels = labels.index_select(&chosen, 0)?;
        let features = dropout(&features, configuration.dropout, &mut generator)?;
        let logits = variables.head().forward(&features)?;
        let loss = cross_entropy(&logits, &labels)?;
        optimizer.backward_step(&loss)?;
        loss_sum += f64::from(loss.to_scalar::<f32>()?) * batch.len() as f64;
        right += count_right(&logits, &labels)?;
    }
    let count = train.labels.len() as f64;
    Ok((loss_sum / count, right as f64 / count))
}

/// Mean loss and accuracy of `head` on `features`.
fn measure(head: &Head, features: &Features) -> Result<(f64, f64), Error> {
    let labels = Tensor::new(features.labels.as_slice(), features.values.device())?;
    let logits = head.forward(&features.values)?.detach();
    let loss = cross_entropy(&logits, &labels)?.to_scalar::<f32>()?;
    let right = count_right(&logits, &labels)?;
    Ok((f64::from(loss), right as f64 / features.labels.len() as f64))
}

fn count_right(logits: &Tensor, labels: &Tensor) -> Result<usize, Error> {
    let guesses = logits.argmax(D::Minus1)?;
    let equal = guesses.eq(labels)?.to_vec1::<u8>()?;
    Ok(equal.iter().map(|equal| usize::from(*equal)).sum())
}

impl TrainedHead {
    /// Class probabilities of the best epoch's head for each image.
    ///
    /// # Errors
    ///
    /// When a tensor operation fails.
    pub fn probabilities(&self, features: &Features) -> Result<Vec<Vec<f32>>, Error> {
        let logits = self.head.forward(&features.values)?;
        let probabilities = candle_nn::ops::softmax(&logits, D::Minus1)?;
        (0..features.labels.len())
            .map(|row| Ok(probabilities.i(row)?.to_vec1()?))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use rand::Rng;

    use super::*;
    use crate::mobilenet::FEATURES;

    struct Quiet;
    impl Observer for Quiet {
        fn epoch(
            &mut self,
            _: &EpochMetrics,
        ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            Ok(())
        }
    }

    /// Noise with one raised feature for each of three classes.
    fn features(images: usize, seed: u64) -> Features {
        let mut generator = generator(seed, 9);
        let labels: Vec<u32> = (0..images as u32).map(|image| image % 3).collect();
        let values: Vec<f32> = labels
            .iter()
            .flat_map(|label| {
                let mut row: Vec<f32> = (0..FEATURES)
                    .map(|_| generator.random_range(0.0..1.0))
                    .collect();
                row[*label as usize] += 6.0;
                row
            })
            .collect();
        let values = Tensor::from_vec(values, (images, FEATURES), &Device::Cpu).unwrap();
        Features { values, labels }
    }

    fn train(configuration: &HeadConfiguration) -> Result<TrainedHead, Error> {
        let (train, validation) = (features(90, 1), features(30, 2));
        train_head(
            &train,
            &validation,
            3,
            configuration,
            &Interrupt::default(),
            &mut Quiet,
        )
    }

    fn values(trained: &TrainedHead) -> Vec<f32> {
        trained
            .head
            .weight
            .flatten_all()
            .unwrap()
            .to_vec1()
            .unwrap()
    }

    #[test]
    fn what_can_be_learned_is_learned() {
        let configuration = HeadConfiguration {
            epochs: 12,
            learning_rate: 1e-2,
            ..HeadConfiguration::default()
        };
        let trained = train(&configuration).unwrap();
        assert!(trained.best.val_acc > 0.95, "{:?}", trained.history);
        assert!(trained.history[11].train_loss < trained.history[0].train_loss);
        let rows = trained.probabilities(&features(30, 2)).unwrap();
        assert!(
            rows.iter()
                .all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-5)
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_weights_on_any_number_of_threads() {
        let configuration = HeadConfiguration {
            epochs: 2,
            ..HeadConfiguration::default()
        };
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| values(&train(&configuration).unwrap()))
        };
        assert_eq!(on(1), on(3));
        let other = HeadConfiguration {
            seed: 43,
            ..configuration
        };
        assert_ne!(values(&train(&other).unwrap()), on(1));
    }

    #[test]
    fn patience_ends_training_and_the_best_epoch_is_kept() {
        let configuration = HeadConfiguration {
            epochs: 200,
            patience: Some(3),
            ..HeadConfiguration::default()
        };
        let trained = train(&configuration).unwrap();
        assert!(trained.history.len() < 200);
        assert_eq!(trained.history.len(), trained.best.epoch + 4);
        assert!(
            trained
                .history
                .iter()
                .all(|epoch| epoch.val_acc <= trained.best.val_acc)
        );
    }

    #[test]
    fn an_interrupt_stops_before_the_next_epoch() {
        struct Stopper(Interrupt, usize);
        impl Observer for Stopper {
            fn epoch(
                &mut self,
                _: &EpochMetrics,
            ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
                self.1 += 1;
                self.0.set();
                Ok(())
            }
        }
        let interrupt = Interrupt::default();
        let mut stopper = Stopper(interrupt.clone(), 0);
        let (train, validation) = (features(30, 1), features(30, 2));
        let configuration = HeadConfiguration::default();
        let outcome = train_head(
            &train,
            &validation,
            3,
            &configuration,
            &interrupt,
            &mut stopper,
        );
        assert!(matches!(outcome, Err(Error::Interrupted)));
        assert_eq!(stopper.1, 1);
    }

    #[test]
    fn a_diverging_run_says_so() {
        let configuration = HeadConfiguration {
            learning_rate: 1e38,
            ..HeadConfiguration::default()
        };
        assert!(matches!(train(&configuration), Err(Error::Diverged { .. })));
    }
}
