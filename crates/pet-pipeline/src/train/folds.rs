//! Cross-validation.

use std::time::Instant;

use mlflow_client::{Batch, now};
use pet_data::{Dataset, Unit};
use pet_report::fit_temperature;
use pet_train::{EpochMetrics, Observer};

use super::experiment::{Experiment, run_each};
use super::request::{Context, FinishedRun, RunOutcome, RunRequest};
use crate::error::Error;
use crate::observer::RunObserver;
use crate::settings::TrainSettings;
use crate::split::VALIDATION_FRACTION;
use crate::tracking::{RunPlan, TrackedRun};
use crate::trained_on::{SPLIT, TRAIN_IMAGES, VAL_IMAGES, describe_folds};

/// Parameter: number of folds.
const FOLDS: &str = "folds";
/// Metric: the standard error of the validation accuracy.
const STANDARD_ERROR: &str = "val_acc_standard_error";
/// Metric with a step for each fold, from 1: its validation accuracy after the epoch that is best for all folds.
const FOLD_ACCURACY: &str = "fold_val_acc";

/// Cross-validation on images that are split into folds. Every image is validated once, and the folds give a standard
/// error of the accuracy. It produces no model: [`TrainSettings::refit`] trains the recipe on all images, for the best
/// number of epochs.
pub struct CrossValidation<'a> {
    folds: Vec<Experiment<'a>>,
}

impl<'a> CrossValidation<'a> {
    /// Splits the training and validation images of `dataset`, which is loaded with [`TrainSettings::load`], into `count`
    /// folds, and prepares them. Test images are not used.
    ///
    /// # Errors
    ///
    /// [`Error::FoldsAdded`] if images were added, [`Error::Data`] for fewer than two folds or too few images, otherwise as
    /// [`Experiment::prepare`].
    pub fn prepare(
        settings: &'a TrainSettings,
        dataset: Dataset,
        context: &'a Context<'a>,
        count: usize,
    ) -> Result<Self, Error> {
        // Each fold, and a refit, would exclude different copies of validation images.
        if !dataset.added.is_empty() {
            return Err(Error::FoldsAdded);
        }
        Ok(Self { folds: Experiment::prepare_splits(settings, dataset, context, Some(count))? })
    }

    /// Number of folds.
    pub fn count(&self) -> usize {
        self.folds.len()
    }

    /// Cross-validates each request in its own run. See [`Experiment::run_all`].
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`], or another error of a run.
    pub fn run_all(&self, requests: &[RunRequest]) -> Result<Vec<RunOutcome>, Error> {
        run_each(requests, |request| self.run(request))
    }

    /// Cross-validates once. The run cannot be resumed.
    fn run(&self, request: &RunRequest) -> Result<RunOutcome, Error> {
        let Some(first) = self.folds.first() else {
            return Err(pet_data::Error::Folds { got: 0, images: 0 }.into());
        };
        let start = Instant::now();
        let mut request = first.named(request);
        request.name = format!("{}_{}folds", request.name, self.count());
        let settings = first.settings_of(&request);
        let context = first.context();
        let mut run = TrackedRun::start(first.client(), &self.plan(first, &request, &settings))?;
        let trained = match self.train(&settings, context.observer) {
            Err(Error::Train(pet_train::Error::Interrupted)) => {
                return Err(context.kill(run, None)?);
            }
            Err(Error::Train(error @ pet_train::Error::Diverged { .. })) => {
                return Ok(RunOutcome::diverged(&run, &error, context.observer));
            }
            trained => trained?,
        };
        let finished = self.record(first, &settings, &trained, &mut run)?;
        context.finish(run, finished, start)
    }

    fn plan(
        &self,
        first: &Experiment<'_>,
        request: &RunRequest,
        settings: &TrainSettings,
    ) -> RunPlan {
        let count = self.count();
        let images: usize = self.folds.iter().map(|fold| fold.validation_labels().len()).sum();
        let seed = settings.configuration.seed;
        let mut plan = first.plan(request, settings);
        let split = describe_folds(seed, images, count, settings.grouping());
        plan.tags.insert(SPLIT.into(), split);
        plan.params.remove(VALIDATION_FRACTION);
        if let Some(data) = &mut plan.data {
            (data.train_images, data.val_images) = (images, 0);
        }
        plan.param(FOLDS, count).param(TRAIN_IMAGES, images).param(VAL_IMAGES, images)
    }

    fn train(
        &self,
        settings: &TrainSettings,
        observer: &dyn RunObserver,
    ) -> Result<Averaged, Error> {
        let epochs = settings.configuration.epochs;
        let images: usize = self.folds.iter().map(Experiment::epoch_images).sum();
        let total = (images * epochs) as u64;
        let mut folds = Vec::with_capacity(self.count());
        pet_data::task(observer, "folds", total, Unit::Images, || {
            for (number, fold) in (1..).zip(&self.folds) {
                let mut recorder =
                    FoldRecorder { observer, epochs: Vec::new(), logits: Vec::new() };
                let trained = fold.trainer(&settings.configuration).run(&mut recorder)?;
                observer.message(&format!(
                    "fold {number} of {}: val_acc {:.4} after epoch {}",
                    self.count(),
                    trained.best.val_acc.unwrap_or_default(),
                    trained.best.epoch + 1
                ));
                folds.push(recorder.epochs);
            }
            Ok::<(), Error>(())
        })?;
        Averaged::new(folds)
    }

    /// Logs the averages and the artifacts that a refit needs.
    fn record(
        &self,
        first: &Experiment<'_>,
        settings: &TrainSettings,
        trained: &Averaged,
        run: &mut TrackedRun,
    ) -> Result<FinishedRun, Error> {
        for metrics in &trained.history {
            run.epoch(metrics).map_err(pet_train::Error::Observer)?;
        }
        let best = &trained.best;
        run.log_best(best)?;
        let time = now();
        let batch = Batch::new().metric(STANDARD_ERROR, trained.standard_error, time, 0);
        let batch = (1..).zip(&trained.accuracies).fold(batch, |batch, (fold, accuracy)| {
            batch.metric(FOLD_ACCURACY, *accuracy, time, fold)
        });
        run.log_metrics(&batch)?;
        let labels = self.folds.iter().flat_map(Experiment::validation_labels);
        let labels: Vec<usize> = labels.map(|label| *label as usize).collect();
        let temperature = fit_temperature(&trained.logits, &labels)?;
        let kept = (trained.history.as_slice(), trained.logits.as_slice());
        first.log_artifacts(settings, run, kept, &labels, temperature)?;
        let standard_error = Some(trained.standard_error);
        Ok(FinishedRun { standard_error, ..FinishedRun::of(run, best) })
    }
}

/// An epoch of a fold, with the logits of its validation images.
type Epoch = (EpochMetrics, Vec<Vec<f32>>);

/// Keeps all epochs of a fold.
struct FoldRecorder<'a> {
    observer: &'a dyn RunObserver,
    epochs: Vec<Epoch>,
    logits: Vec<Vec<f32>>,
}

impl Observer for FoldRecorder<'_> {
    fn validated(&mut self, logits: &[Vec<f32>]) {
        self.logits = logits.to_vec();
    }

    fn epoch(
        &mut self,
        metrics: &EpochMetrics,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let logits = std::mem::take(&mut self.logits);
        self.epochs.push((*metrics, logits));
        Ok(())
    }

    fn images(&mut self, count: usize) {
        self.observer.advance(count as u64);
    }
}

/// The average over the folds. The best epoch is the same for all folds, because the best of each would be optimistic.
struct Averaged {
    /// The epochs that all folds have, averaged over all validation images.
    history: Vec<EpochMetrics>,
    best: EpochMetrics,
    /// Each fold's validation accuracy after the best epoch.
    accuracies: Vec<f64>,
    /// The standard error of their mean.
    standard_error: f64,
    /// The logits of the validation images after the best epoch, fold by fold.
    logits: Vec<Vec<f32>>,
}

impl Averaged {
    fn new(folds: Vec<Vec<Epoch>>) -> Result<Self, Error> {
        let epochs = folds.iter().map(Vec::len).min().unwrap_or_default();
        let history: Vec<EpochMetrics> = (0..epochs).map(|epoch| mean(&folds, epoch)).collect();
        let score = |metrics: &EpochMetrics| (metrics.val_acc, metrics.val_loss.map(|loss| -loss));
        let better = |best: EpochMetrics, next: &EpochMetrics| {
            if score(next) > score(&best) { *next } else { best }
        };
        let first = history.first().copied();
        let first = first.ok_or(pet_train::Error::NoImages { split: "training" })?;
        let best = history.iter().fold(first, better);
        let best_of =
            |mut fold: Vec<Epoch>| (best.epoch < fold.len()).then(|| fold.swap_remove(best.epoch));
        let chosen: Vec<Epoch> = folds.into_iter().filter_map(best_of).collect();
        let accuracies: Vec<f64> =
            chosen.iter().filter_map(|(metrics, _)| metrics.val_acc).collect();
        Ok(Self {
            standard_error: standard_error(&accuracies),
            logits: chosen.into_iter().flat_map(|(_, logits)| logits).collect(),
            accuracies,
            history,
            best,
        })
    }
}

/// The mean of an epoch over all folds, weighted by the number of validation images.
fn mean(folds: &[Vec<Epoch>], epoch: usize) -> EpochMetrics {
    let of_fold = folds.iter().filter_map(|fold| fold.get(epoch));
    let weights: Vec<(f64, &EpochMetrics)> =
        of_fold.map(|(metrics, logits)| (logits.len() as f64, metrics)).collect();
    let all: f64 = weights.iter().map(|(weight, _)| weight).sum();
    let mean = |metric: fn(&EpochMetrics) -> f64| {
        let weighted = weights.iter().map(|(weight, one)| weight * metric(one));
        weighted.sum::<f64>() / all
    };
    EpochMetrics {
        epoch,
        train_loss: mean(|one| one.train_loss),
        train_acc: mean(|one| one.train_acc),
        val_loss: Some(mean(|one| one.val_loss.unwrap_or_default())),
        val_acc: Some(mean(|one| one.val_acc.unwrap_or_default())),
    }
}

/// The standard error of the mean.
fn standard_error(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (count - 1.0).max(1.0) / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(number: usize, accuracy: f64, images: usize) -> Epoch {
        let metrics = EpochMetrics {
            epoch: number,
            train_loss: 1.0,
            train_acc: 0.5,
            val_loss: Some(1.0 - accuracy),
            val_acc: Some(accuracy),
        };
        (metrics, vec![vec![number as f32]; images])
    }

    #[test]
    fn the_best_epoch_is_the_same_for_all_folds() {
        // The second fold stopped early. The first fold is best after its first epoch, both together after the second.
        let folds = vec![
            vec![epoch(0, 0.9, 10), epoch(1, 0.8, 10), epoch(2, 1.0, 10)],
            vec![epoch(0, 0.4, 30), epoch(1, 0.6, 30)],
        ];
        let averaged = Averaged::new(folds).unwrap();
        assert_eq!(averaged.history.len(), 2);
        assert_eq!(averaged.best.epoch, 1);
        assert!((averaged.best.val_acc.unwrap() - 0.65).abs() < 1e-12);
        assert_eq!(averaged.accuracies, [0.8, 0.6]);
        assert!((averaged.standard_error - 0.1).abs() < 1e-12);
        assert_eq!(averaged.logits.len(), 40);
        assert!(averaged.logits.iter().all(|row| row == &[1.0]));
    }
}
