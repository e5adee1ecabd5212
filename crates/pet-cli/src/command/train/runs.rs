//! One tracked run for each combination of hyper-parameters.

use std::time::Instant;

use mlflow_client::Client;
use pet_data::{Dataset, Progress, Unit};
use pet_image::{Preprocess, Resize};
use pet_model::{CLASSES_FILE, CONFUSION_FILE, CURVES_FILE, METRICS_FILE, Metrics, ModelMetadata};
use pet_report::{ConfusionMatrix, CurvePoint, confusion_matrix_png, measure, training_curves_png};
use pet_track::{RunPlan, TrackedRun, TrainedModel};
use pet_train::{
    EpochMetrics, Error, Features, HeadConfiguration, Interrupt, Observer, TrainedHead, Weights,
    train_head,
};
use serde::Serialize;

use crate::failure::Failure;

/// What all runs share.
pub(super) struct Experiment<'a> {
    pub(super) name: &'a str,
    pub(super) model_name: &'a str,
    pub(super) client: &'a Client,
    pub(super) dataset: &'a Dataset,
    pub(super) dataset_digest: &'a str,
    pub(super) preprocess: &'a Preprocess,
    pub(super) weights: &'a Weights,
    pub(super) train: &'a Features,
    pub(super) validation: &'a Features,
    pub(super) interrupt: &'a Interrupt,
    pub(super) progress: &'a dyn Progress,
}

/// A run that came to its end.
#[derive(Serialize)]
pub(super) struct Finished {
    pub(super) name: String,
    pub(super) run_id: String,
    pub(super) version: u32,
    pub(super) val_acc: f64,
    pub(super) val_loss: f64,
    best_epoch: usize,
    seconds: f64,
}

/// Hands each epoch to the run and to the progress bar.
struct Watcher<'a, 'b> {
    run: &'a mut TrackedRun<'b>,
    progress: &'a dyn Progress,
}

impl Observer for Watcher<'_, '_> {
    fn epoch(
        &mut self,
        metrics: &EpochMetrics,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.progress.advance(1);
        self.run.epoch(metrics)
    }
}

impl Experiment<'_> {
    pub(super) fn run_all(
        &self,
        configurations: &[HeadConfiguration],
    ) -> Result<Vec<Finished>, Failure> {
        let mut finished = Vec::new();
        for configuration in configurations {
            match self.run(configuration) {
                Ok(run) => finished.push(run),
                Err(Failure::Train(Error::Interrupted)) => {
                    return Err(Failure::Interrupted {
                        done: finished.len(),
                        all: configurations.len(),
                    });
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(finished)
    }

    fn run(&self, configuration: &HeadConfiguration) -> Result<Finished, Failure> {
        let start = Instant::now();
        let name = run_name(configuration);
        let mut run = TrackedRun::start(self.client, &self.plan(&name, configuration))?;
        let trained = match self.train(configuration, &mut run) {
            Err(Error::Interrupted) => {
                run.kill()?;
                return Err(Error::Interrupted.into());
            }
            trained => trained?,
        };
        let metadata = ModelMetadata {
            model_name: self.model_name.into(),
            model_version: None,
            run_id: Some(run.id().into()),
            val_acc: Some(trained.best.val_acc),
            classes: self.dataset.classes.clone(),
            preprocess: self.preprocess.clone(),
        };
        self.log_artifacts(&run, &trained, configuration)?;
        let weights = self
            .weights
            .clone()
            .with_head(trained.head.weight.clone(), trained.head.bias.clone());
        let model = TrainedModel {
            weights: &weights,
            metadata: &metadata,
            best: trained.best,
        };
        let version = run.register(&model)?.version;
        let finished = Finished {
            name,
            run_id: run.id().into(),
            version,
            val_acc: trained.best.val_acc,
            val_loss: trained.best.val_loss,
            best_epoch: trained.best.epoch,
            seconds: start.elapsed().as_secs_f64(),
        };
        run.finish()?;
        Ok(finished)
    }

    fn train(
        &self,
        configuration: &HeadConfiguration,
        run: &mut TrackedRun<'_>,
    ) -> Result<TrainedHead, Error> {
        self.progress
            .start("training", configuration.epochs as u64, Unit::Steps);
        let classes = self.dataset.classes.len();
        let mut watcher = Watcher {
            run,
            progress: self.progress,
        };
        let trained = train_head(
            self.train,
            self.validation,
            classes,
            configuration,
            self.interrupt,
            &mut watcher,
        );
        self.progress.finish();
        trained
    }

    fn plan(&self, name: &str, configuration: &HeadConfiguration) -> RunPlan {
        let source = std::env::args().collect::<Vec<_>>().join(" ");
        let user = std::env::var("USER")
            .or_else(|_| std::env::var("USERNAME"))
            .ok();
        params(configuration)
            .into_iter()
            .fold(RunPlan::new(self.name, name), |plan, (key, value)| {
                plan.param(key, value)
            })
            .param("recipe", recipe_name(self.preprocess))
            .param("train_images", self.train.labels.len())
            .param("val_images", self.validation.labels.len())
            .tag("dataset", &self.dataset.name)
            .tag("dataset_digest", self.dataset_digest)
            .user(user)
            .source(source)
    }

    fn log_artifacts(
        &self,
        run: &TrackedRun<'_>,
        trained: &TrainedHead,
        configuration: &HeadConfiguration,
    ) -> Result<(), Failure> {
        let classes = &self.dataset.classes;
        let labels: Vec<usize> = self
            .validation
            .labels
            .iter()
            .map(|label| *label as usize)
            .collect();
        let probabilities = trained.probabilities(self.validation)?;
        let metrics = Metrics {
            dataset: self.dataset.name.clone(),
            params: params(configuration)
                .into_iter()
                .map(|(key, value)| (key.into(), value))
                .collect(),
            splits: [(
                "validation".into(),
                measure(&probabilities, &labels, classes, "pet-cli train")?,
            )]
            .into(),
        };
        let points: Vec<CurvePoint> = trained.history.iter().map(curve_point).collect();
        let confusion = ConfusionMatrix::new(&probabilities, &labels, classes.len())?;
        let title = format!(
            "{} validation images of {}",
            labels.len(),
            self.dataset.name
        );
        run.log_artifact(CLASSES_FILE, &serde_json::to_vec_pretty(classes)?)?;
        run.log_artifact(METRICS_FILE, &serde_json::to_vec_pretty(&metrics)?)?;
        run.log_artifact(
            CURVES_FILE,
            &training_curves_png(&points, &run_name(configuration))?,
        )?;
        run.log_artifact(
            CONFUSION_FILE,
            &confusion_matrix_png(&confusion, classes, &title)?,
        )?;
        Ok(())
    }
}

/// The name that the project this one replaces gives its runs.
fn run_name(configuration: &HeadConfiguration) -> String {
    format!(
        "mobilenet_v2_bs{}_lr{}",
        configuration.batch_size, configuration.learning_rate
    )
}

/// The parameters of the project this one replaces, and those that are new.
fn params(configuration: &HeadConfiguration) -> Vec<(&'static str, String)> {
    let HeadConfiguration {
        batch_size,
        learning_rate,
        epochs,
        seed,
        dropout,
        weight_decay,
        patience,
    } = configuration;
    vec![
        ("model_name", "mobilenet_v2".into()),
        ("batch_size", batch_size.to_string()),
        ("learning_rate", learning_rate.to_string()),
        ("epochs", epochs.to_string()),
        ("seed", seed.to_string()),
        ("optimizer", "Adam".into()),
        ("loss_function", "CrossEntropyLoss".into()),
        ("dropout", dropout.to_string()),
        ("weight_decay", weight_decay.to_string()),
        (
            "patience",
            patience.map_or("none".into(), |epochs| epochs.to_string()),
        ),
    ]
}

fn recipe_name(preprocess: &Preprocess) -> String {
    match preprocess.resize {
        Resize::Stretch { size } => format!("stretch {size}"),
        Resize::CenterCrop { resize, size } => format!("resize {resize}, center crop {size}"),
    }
}

fn curve_point(metrics: &EpochMetrics) -> CurvePoint {
    let EpochMetrics {
        epoch,
        train_loss,
        train_acc,
        val_loss,
        val_acc,
    } = *metrics;
    CurvePoint {
        // People count from 1.
        epoch: epoch + 1,
        train_loss,
        train_acc,
        val_loss,
        val_acc,
    }
}
