//! Cross-validation: the same training once for each part of the images, validated on that part.

use std::time::Instant;

use mlflow_client::{Batch, now};
use pet_data::{Dataset, Split, Unit, grouped_folds};
use pet_report::fit_temperature;
use pet_train::{EpochMetrics, Observer};

use super::experiment::Experiment;
use super::request::{Context, FailedRun, FinishedRun, RunOutcome, RunRequest};
use crate::check::SamePictures;
use crate::error::Error;
use crate::observer::RunObserver;
use crate::settings::TrainSettings;
use crate::tracking::{RunPlan, SPLIT, TRAIN_IMAGES, TrackedRun, VAL_IMAGES};

/// Parameter: into how many parts the images were divided.
const FOLDS: &str = "folds";
/// Metric: the standard error of the validation accuracy.
const STANDARD_ERROR: &str = "val_acc_standard_error";
/// Metric with a point for each fold, from 1: its validation accuracy after the epoch that was best for all.
const FOLD_ACCURACY: &str = "fold_val_acc";

/// Images that are divided into parts, each of which validates what was trained on the others. So every image counts
/// once, and how much the parts differ says how far the figure can be trusted. No model comes of it:
/// [`TrainSettings::refit`] trains the recipe on all images, for as many epochs as were best.
pub struct CrossValidation<'a> {
    folds: Vec<Experiment<'a>>,
}

impl<'a> CrossValidation<'a> {
    /// Prepares the images of `dataset`, which [`TrainSettings::load`] gives, in `count` parts. Those that the data set
    /// itself keeps for validation are divided with the others; the ones for tests are left alone.
    ///
    /// # Errors
    ///
    /// [`Error::FoldsAdded`] where images were added, [`Error::Data`] for less than two parts, or more than there are images for; else as [`Experiment::prepare`].
    pub fn prepare(
        settings: &'a TrainSettings,
        dataset: Dataset,
        context: &'a Context<'a>,
        count: usize,
    ) -> Result<Self, Error> {
        // What of them shows an image that is validated on would differ from part to part, and from a refit.
        if !dataset.added.is_empty() {
            return Err(Error::FoldsAdded);
        }
        let divide = |dataset: &Dataset, same: &SamePictures| folds(settings, dataset, same, count);
        let folds = Experiment::prepare_splits(settings, dataset, context, divide)?;
        Ok(Self { folds })
    }

    /// How many parts there are.
    pub fn count(&self) -> usize {
        self.folds.len()
    }

    /// Cross-validates each request, as a run of its own. See [`Experiment::run_all`].
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`], or what a run fails with other than diverging.
    pub fn run_all(&self, requests: &[RunRequest]) -> Result<Vec<RunOutcome>, Error> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for request in requests {
            let outcome = self.run(request).map_err(|error| match error {
                Error::Interrupted { .. } => Error::Interrupted {
                    finished: outcomes.len(),
                    planned: requests.len(),
                    run_id: None,
                },
                error => error,
            })?;
            outcomes.push(outcome);
        }
        Ok(outcomes)
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
                let spooled = run.kill()?;
                context.note_unsent(&request.name, spooled.as_ref());
                return Err(Error::Interrupted {
                    finished: 0,
                    planned: 1,
                    run_id: None,
                });
            }
            Err(Error::Train(error @ pet_train::Error::Diverged { .. })) => {
                context
                    .observer
                    .message(&format!("{}: {error}", request.name));
                return Ok(RunOutcome::Failed(FailedRun {
                    name: request.name.clone(),
                    run_id: run.id().map(Into::into),
                    error: error.to_string(),
                }));
            }
            trained => trained?,
        };
        let mut finished = self.record(first, &request, &settings, &trained, &mut run)?;
        let (tracked, ending) = (run.tracking_time(), Instant::now());
        let spooled = run.finish()?;
        context.note_unsent(&request.name, spooled.as_ref());
        finished.tracking_seconds = (tracked + ending.elapsed()).as_secs_f64();
        finished.seconds = start.elapsed().as_secs_f64();
        Ok(RunOutcome::Finished(finished))
    }

    fn plan(
        &self,
        first: &Experiment<'_>,
        request: &RunRequest,
        settings: &TrainSettings,
    ) -> RunPlan {
        let (count, images) = (self.count(), self.images());
        let seed = settings.configuration.seed;
        let grouped = if settings.group_duplicates {
            ", duplicates grouped"
        } else {
            ""
        };
        let mut plan = first.plan(request, settings);
        plan.tags.insert(
            SPLIT.into(),
            format!("seed {seed}, {images} images in {count} folds{grouped}"),
        );
        if let Some(data) = &mut plan.data {
            (data.train_images, data.val_images) = (images, 0);
        }
        plan.param(FOLDS, count)
            .param(TRAIN_IMAGES, images)
            .param(VAL_IMAGES, images)
    }

    /// How many images there are in all.
    fn images(&self) -> usize {
        let folds = self.folds.iter();
        folds.map(|fold| fold.validation_labels().len()).sum()
    }

    fn train(
        &self,
        settings: &TrainSettings,
        observer: &dyn RunObserver,
    ) -> Result<Averaged, Error> {
        let epochs = settings.configuration.epochs;
        let images = self.folds.iter().map(Experiment::epoch_images);
        let total = images.sum::<usize>() * epochs;
        let mut watched = Vec::with_capacity(self.count());
        pet_data::task(observer, "folds", total as u64, Unit::Images, || {
            for (number, fold) in (1..).zip(&self.folds) {
                let mut watch = FoldWatch::new(observer);
                let trained = fold.trainer(&settings.configuration).run(&mut watch)?;
                observer.message(&format!(
                    "fold {number} of {}: val_acc {:.4} after epoch {}",
                    self.count(),
                    trained.best.val_acc.unwrap_or_default(),
                    trained.best.epoch + 1
                ));
                watched.push(watch.epochs);
            }
            Ok::<(), Error>(())
        })?;
        Averaged::new(watched)
    }

    /// Logs what was averaged over the folds, and what a later refit needs.
    fn record(
        &self,
        first: &Experiment<'_>,
        request: &RunRequest,
        settings: &TrainSettings,
        trained: &Averaged,
        run: &mut TrackedRun,
    ) -> Result<FinishedRun, Error> {
        for metrics in &trained.history {
            run.epoch(metrics)
                .map_err(|source| pet_train::Error::Observer { source })?;
        }
        let best = &trained.best;
        run.log_best(best)?;
        let time = now();
        let batch = Batch::new().metric(STANDARD_ERROR, trained.standard_error, time, 0);
        let points = (1..).zip(&trained.accuracies);
        let batch = points.fold(batch, |batch, (fold, accuracy)| {
            batch.metric(FOLD_ACCURACY, *accuracy, time, fold)
        });
        run.log_metrics(&batch)?;
        let labels = self.folds.iter().flat_map(Experiment::validation_labels);
        let labels: Vec<usize> = labels.map(|label| *label as usize).collect();
        let temperature = fit_temperature(&trained.logits, &labels)?;
        let kept = (trained.history.as_slice(), trained.logits.as_slice());
        first.log_artifacts(settings, run, kept, &labels, temperature)?;
        Ok(FinishedRun {
            name: request.name.clone(),
            run_id: run.id().map(Into::into),
            version: None,
            refit_of: None,
            val_acc: best.val_acc.unwrap_or_default(),
            standard_error: Some(trained.standard_error),
            val_loss: best.val_loss.unwrap_or_default(),
            best_epoch: best.epoch,
            seconds: 0.0,
            tracking_seconds: 0.0,
        })
    }
}

/// The images that are not for tests, in parts.
fn folds(
    settings: &TrainSettings,
    dataset: &Dataset,
    same: &SamePictures,
    count: usize,
) -> Result<Vec<Split>, Error> {
    let samples = [&dataset.train[..], &dataset.validation].concat();
    let seed = settings.configuration.seed;
    Ok(grouped_folds(&samples, count, seed, settings.groups(same))?)
}

/// An epoch of one fold, with one number for each of its validation images and classes.
type Epoch = (EpochMetrics, Vec<Vec<f32>>);

/// Keeps every epoch of a fold.
struct FoldWatch<'a> {
    observer: &'a dyn RunObserver,
    epochs: Vec<Epoch>,
    logits: Vec<Vec<f32>>,
}

impl<'a> FoldWatch<'a> {
    fn new(observer: &'a dyn RunObserver) -> Self {
        Self {
            observer,
            epochs: Vec::new(),
            logits: Vec::new(),
        }
    }
}

impl Observer for FoldWatch<'_> {
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

/// What the folds came to together. The epoch is chosen for all of them: the best of each fold would flatter.
struct Averaged {
    /// Every epoch that all folds were trained for; over all validation images, which each count once.
    history: Vec<EpochMetrics>,
    best: EpochMetrics,
    /// Each fold's validation accuracy after the best epoch.
    accuracies: Vec<f64>,
    /// Of their mean: their standard deviation divided by the square root of their number.
    standard_error: f64,
    /// What the best epoch's weights answer to each fold's validation images, one fold after the other.
    logits: Vec<Vec<f32>>,
}

impl Averaged {
    fn new(folds: Vec<Vec<Epoch>>) -> Result<Self, Error> {
        let epochs = folds.iter().map(Vec::len).min().unwrap_or_default();
        let history: Vec<EpochMetrics> = (0..epochs).map(|epoch| mean(&folds, epoch)).collect();
        let score = |metrics: &EpochMetrics| (metrics.val_acc, metrics.val_loss.map(|loss| -loss));
        let better = |best: EpochMetrics, next: &EpochMetrics| {
            if score(next) > score(&best) {
                *next
            } else {
                best
            }
        };
        let first = history.first().copied();
        let first = first.ok_or(pet_train::Error::NoImages { split: "training" })?;
        let best = history.iter().fold(first, better);
        let chosen = folds
            .into_iter()
            .filter_map(|mut fold| (best.epoch < fold.len()).then(|| fold.swap_remove(best.epoch)));
        let chosen: Vec<Epoch> = chosen.collect();
        let accuracies = chosen.iter().filter_map(|(metrics, _)| metrics.val_acc);
        let accuracies: Vec<f64> = accuracies.collect();
        Ok(Self {
            standard_error: standard_error(&accuracies),
            logits: chosen.into_iter().flat_map(|(_, logits)| logits).collect(),
            accuracies,
            history,
            best,
        })
    }
}

/// One epoch of all folds: a fold counts by the number of its validation images.
fn mean(folds: &[Vec<Epoch>], epoch: usize) -> EpochMetrics {
    let of_fold = folds.iter().filter_map(|fold| fold.get(epoch));
    let weights: Vec<(f64, &EpochMetrics)> = of_fold
        .map(|(metrics, logits)| (logits.len() as f64, metrics))
        .collect();
    let all: f64 = weights.iter().map(|(weight, _)| weight).sum();
    let mean = |figure: fn(&EpochMetrics) -> f64| {
        let figures = weights.iter();
        figures
            .map(|(weight, one)| weight * figure(one))
            .sum::<f64>()
            / all
    };
    EpochMetrics {
        epoch,
        train_loss: mean(|one| one.train_loss),
        train_acc: mean(|one| one.train_acc),
        val_loss: Some(mean(|one| one.val_loss.unwrap_or_default())),
        val_acc: Some(mean(|one| one.val_acc.unwrap_or_default())),
    }
}

/// Of the mean of some figures.
fn standard_error(figures: &[f64]) -> f64 {
    let count = figures.len() as f64;
    let mean = figures.iter().sum::<f64>() / count;
    let squares: f64 = figures.iter().map(|figure| (figure - mean).powi(2)).sum();
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
    fn the_epoch_is_chosen_for_all_folds() {
        // The second fold stopped early; the first is best after its first epoch, both together after the second.
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
