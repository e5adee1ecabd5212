//! What a run records: its name, parameters, epochs and artifacts.

use std::collections::BTreeSet;

use pet_data::Dataset;
use pet_model::{CLASSES_FILE, CONFUSION_FILE, CURVES_FILE, METRICS_FILE, MULTIPLY_ADDS, Metrics};
use pet_report::{
    ConfusionMatrix, CurvePoint, confusion_matrix_png, measure_logits, probabilities,
    training_curves_png,
};
use pet_train::network::Architecture;
use pet_train::{Configuration, EpochMetrics, FineTune, Observer, Schedule};

use crate::error::Error;
use crate::observer::RunObserver;
use crate::settings::{Plot, SETTINGS_FILE, TrainSettings, VALIDATION};
use crate::split::{GROUP_DUPLICATES, GROUP_SERIES, SEED, VALIDATION_FRACTION};
use crate::tracking::TrackedRun;

/// Parameter: the number of epochs that a run was started with. Tag: the number that it was resumed with, if it differs.
pub(super) const EPOCHS: &str = "epochs";

/// The default name of a run, which is compatible with the predecessor of this project.
pub(super) fn run_name(network: &Architecture, configuration: &Configuration) -> String {
    let tuned = match configuration.fine_tune {
        FineTune::None => String::new(),
        tuned => format!("_{}", part(tuned).replace(':', "")),
    };
    format!(
        "{}{tuned}_bs{}_lr{}",
        network.name, configuration.batch_size, configuration.learning_rate
    )
}

/// The parameters of a run, which include those of the predecessor of this project.
pub(super) fn params_of(
    network: &Architecture,
    settings: &TrainSettings,
) -> Vec<(&'static str, String)> {
    let Configuration {
        fine_tune,
        batch_size,
        learning_rate,
        body_learning_rate,
        schedule,
        warm_up,
        epochs,
        seed,
        dropout,
        weight_decay,
        label_smoothing,
        mixup,
        average,
        teacher_weight,
        teacher_temperature,
        patience,
    } = &settings.configuration;
    let work = network.multiply_adds(settings.recipe.size() as usize);
    let optimizer = if *weight_decay > 0.0 { "AdamW" } else { "Adam" };
    let schedule = match schedule {
        Schedule::Constant => "constant",
        Schedule::Cosine => "cosine",
    };
    let mut params = vec![
        ("model_name", network.name.into()),
        ("batch_size", batch_size.to_string()),
        ("learning_rate", learning_rate.to_string()),
        (EPOCHS, epochs.to_string()),
        (SEED, seed.to_string()),
        ("optimizer", optimizer.into()),
        ("loss_function", "CrossEntropyLoss".into()),
        ("dropout", dropout.to_string()),
        ("weight_decay", weight_decay.to_string()),
        ("patience", patience.map_or("none".into(), |epochs| epochs.to_string())),
        ("fine_tune", part(*fine_tune)),
        ("body_learning_rate", body_learning_rate.to_string()),
        ("schedule", schedule.into()),
        ("warm_up", warm_up.to_string()),
        ("label_smoothing", label_smoothing.to_string()),
        ("mixup", mixup.to_string()),
        ("average", average.to_string()),
        ("recipe", settings.recipe_name()),
        (MULTIPLY_ADDS, work.to_string()),
        ("augment", settings.augment_name()),
        (GROUP_DUPLICATES, settings.group_duplicates.to_string()),
        (GROUP_SERIES, settings.group_series.to_string()),
        (VALIDATION_FRACTION, settings.validation_fraction.to_string()),
    ];
    if !settings.teachers.is_empty() {
        params.push(("teacher_weight", teacher_weight.to_string()));
        params.push(("teacher_temperature", teacher_temperature.to_string()));
    }
    params
}

/// `none`, `last:N` or `all`.
fn part(fine_tune: FineTune) -> String {
    match fine_tune {
        FineTune::None => "none".into(),
        FineTune::Last(count) => format!("last:{count}"),
        FineTune::All => "all".into(),
    }
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Logs epochs to a run and reports progress to an observer.
pub(super) struct EpochRecorder<'a> {
    pub(super) run: &'a mut TrackedRun,
    pub(super) observer: &'a dyn RunObserver,
    /// Logged epochs, including those before an interruption.
    pub(super) logged: BTreeSet<i64>,
}

impl Observer for EpochRecorder<'_> {
    fn epoch(&mut self, metrics: &EpochMetrics) -> Result<(), Cause> {
        let validated = metrics
            .val_loss
            .zip(metrics.val_acc)
            .map(|(loss, accuracy)| format!(", val_loss {loss:.4}, val_acc {accuracy:.4}"));
        let message = format!(
            "epoch {}: train_loss {:.4}, train_acc {:.4}{}",
            metrics.epoch + 1,
            metrics.train_loss,
            metrics.train_acc,
            validated.unwrap_or_default()
        );
        self.observer.message(&message);
        self.log(metrics)
    }

    fn images(&mut self, count: usize) {
        self.observer.advance(count as u64);
    }
}

impl EpochRecorder<'_> {
    fn log(&mut self, metrics: &EpochMetrics) -> Result<(), Cause> {
        if self.logged.insert(metrics.epoch as i64) {
            self.run.epoch(metrics)?;
        }
        Ok(())
    }

    /// Logs epochs that are missing in the store: a training that was killed between its checkpoint and sending the epoch
    /// does not repeat that epoch.
    pub(super) fn catch_up(&mut self, history: &[EpochMetrics]) -> Result<(), Error> {
        let missed = history.iter().try_for_each(|metrics| self.log(metrics));
        Ok(missed.map_err(pet_train::Error::Observer)?)
    }
}

/// The files of a run, and what they are made from.
pub(super) struct Artifacts<'a> {
    pub(super) settings: &'a TrainSettings,
    /// All epochs.
    pub(super) history: &'a [EpochMetrics],
    /// The logits of the validation images.
    pub(super) logits: &'a [Vec<f32>],
    pub(super) temperature: f64,
    pub(super) dataset: &'a Dataset,
    /// The class of each validation image.
    pub(super) labels: &'a [usize],
    /// The plots of the refitted run, for a refit.
    pub(super) plots: &'a [Plot],
    pub(super) params: Vec<(&'static str, String)>,
    /// The command that reproduces the metrics.
    pub(super) command: &'a str,
}

impl Artifacts<'_> {
    /// Logs settings, classes, validation metrics, training curves and the confusion matrix. A refit has no validation images:
    /// its metrics and plots are those of the refitted run.
    pub(super) fn log(self, run: &mut TrackedRun) -> Result<(), Error> {
        let classes = &self.dataset.classes;
        run.log_artifact(SETTINGS_FILE, &serde_json::to_vec_pretty(self.settings)?)?;
        run.log_artifact(CLASSES_FILE, &serde_json::to_vec_pretty(classes)?)?;
        let validation = if let Some(refit) = &self.settings.refit {
            for (name, png) in self.plots {
                run.log_artifact(name, png)?;
            }
            refit.validation.clone()
        } else {
            self.log_plots(run)?;
            measure_logits(self.logits, self.labels, classes, self.temperature, self.command)?
        };
        let params = self.params.into_iter();
        let metrics = Metrics {
            dataset: self.dataset.name.clone(),
            params: params.map(|(key, value)| (key.into(), value)).collect(),
            splits: [(VALIDATION.into(), validation)].into(),
            quantization: None,
        };
        run.log_artifact(METRICS_FILE, &serde_json::to_vec_pretty(&metrics)?)
    }

    fn log_plots(&self, run: &mut TrackedRun) -> Result<(), Error> {
        let (classes, labels) = (&self.dataset.classes, self.labels);
        let points: Vec<CurvePoint> = self.history.iter().filter_map(curve_point).collect();
        let curves = training_curves_png(&points, run.name())?;
        run.log_artifact(CURVES_FILE, &curves)?;
        let probabilities = probabilities(self.logits, self.temperature)?;
        let confusion = ConfusionMatrix::new(&probabilities, labels, classes.len())?;
        let title = format!("{} validation images of {}", labels.len(), self.dataset.name);
        let confusion = confusion_matrix_png(&confusion, classes, &title)?;
        run.log_artifact(CONFUSION_FILE, &confusion)
    }
}

fn curve_point(metrics: &EpochMetrics) -> Option<CurvePoint> {
    Some(CurvePoint {
        // Plots count from 1.
        epoch: metrics.epoch + 1,
        train_loss: metrics.train_loss,
        train_acc: metrics.train_acc,
        val_loss: metrics.val_loss?,
        val_acc: metrics.val_acc?,
    })
}
