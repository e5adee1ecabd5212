//! One tracked run for each combination of hyper-parameters.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use mlflow_client::Client;
use mlflow_client::spool::Spool;
use pet_data::{Dataset, Progress, Unit};
use pet_image::Preprocess;
use pet_model::{ModelMetadata, VAL_ACC};
use pet_pipeline::{RunPlan, TrackedRun, TrainedModel, TrainingData};
use pet_report::fit_temperature;
use pet_train::{Checkpoint, Configuration, Error, Interrupt, Trained, Trainer};
use serde::Serialize;

use super::artifacts;
use super::job::Job;
use super::materials::Materials;
use super::paused::{Folder, Paused};
use super::watcher::Watcher;
use super::{parameters, recipe};
use crate::failure::Failure;
use crate::{provenance, tracking};

/// What all runs share.
pub(crate) struct Experiment<'a> {
    pub(super) name: &'a str,
    pub(super) model_name: &'a str,
    pub(crate) client: &'a Client,
    pub(super) spool: &'a Spool,
    pub(super) cache: &'a Path,
    /// The first run goes on with this one, if there is one.
    pub(super) run_id: Cell<Option<String>>,
    /// How the command was started, for runs that are taken up again; empty if they are not to be.
    pub(super) arguments: Vec<String>,
    pub(super) dataset: &'a Dataset,
    pub(super) dataset_digest: &'a str,
    pub(super) preprocess: &'a Preprocess,
    pub(super) augment: String,
    pub(super) materials: Materials,
    pub(super) interrupt: &'a Interrupt,
    pub(super) progress: &'a dyn Progress,
}

/// A run that came to its end.
#[derive(Serialize)]
pub(crate) struct Finished {
    pub(crate) name: String,
    /// None while the tracking store is away.
    pub(crate) run_id: Option<String>,
    /// None while the tracking store is away, and for a model that was not to be registered.
    pub(crate) version: Option<u32>,
    pub(crate) val_acc: f64,
    pub(crate) val_loss: f64,
    best_epoch: usize,
    pub(crate) seconds: f64,
    /// How much of it went into waiting for the tracking store, and into making the model's files for it.
    tracking_seconds: f64,
}

impl Finished {
    /// The larger, the better.
    pub(crate) fn score(&self) -> (f64, f64) {
        (self.val_acc, -self.val_loss)
    }
}

impl Experiment<'_> {
    pub(super) fn run_all(
        &self,
        configurations: &[Configuration],
    ) -> Result<Vec<Finished>, Failure> {
        let mut finished = Vec::new();
        for configuration in configurations {
            match self.run(&Job::new(configuration)) {
                Ok(run) => finished.push(run),
                Err(Failure::Interrupted { run, .. }) => {
                    return Err(Failure::Interrupted {
                        done: finished.len(),
                        all: configurations.len(),
                        run,
                    });
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(finished)
    }

    /// Trains once, as a run of its own.
    pub(crate) fn run(&self, job: &Job<'_>) -> Result<Finished, Failure> {
        let start = Instant::now();
        let (name, configuration) = (&job.name, job.configuration);
        let plan = self.plan(job);
        let mut run = TrackedRun::start(self.client, &plan)?;
        let folder = self.folder(&run, configuration)?;
        let trained = match self.train(configuration, folder.as_ref(), &mut run) {
            Err(Failure::Train(Error::Interrupted)) => {
                let id = run.id().filter(|_| folder.is_some()).map(Into::into);
                tracking::note_spooled(name, run.kill()?.as_ref());
                let (done, all) = (0, 1);
                return Err(Failure::Interrupted { done, all, run: id });
            }
            trained => trained?,
        };
        let mut finished = self.register(job, &trained, &mut run)?;
        let (tracked, ending) = (run.tracking_time(), Instant::now());
        tracking::note_spooled(name, run.finish()?.as_ref());
        finished.tracking_seconds = (tracked + ending.elapsed()).as_secs_f64();
        finished.seconds = start.elapsed().as_secs_f64();
        folder.map_or(Ok(()), |folder| folder.remove())?;
        Ok(finished)
    }

    /// Where the training is put aside. A run that the store does not know yet has no id to find it by.
    fn folder(
        &self,
        run: &TrackedRun,
        configuration: &Configuration,
    ) -> Result<Option<Folder>, Failure> {
        let Some(run_id) = run.id().filter(|_| !self.arguments.is_empty()) else {
            return Ok(None);
        };
        let folder = Folder::new(self.cache, run_id)?;
        folder.write(&Paused {
            arguments: self.arguments.clone(),
            configuration: configuration.clone(),
        })?;
        Ok(Some(folder))
    }

    fn train(
        &self,
        configuration: &Configuration,
        folder: Option<&Folder>,
        run: &mut TrackedRun,
    ) -> Result<Trained, Failure> {
        let Materials {
            weights,
            train,
            validation,
        } = &self.materials;
        let checkpoint = folder.map(|folder| self.checkpoint(folder)).transpose()?;
        let trainer = Trainer {
            weights,
            classes: self.dataset.classes.len(),
            train: train.as_ref(),
            validation: validation.as_ref(),
            configuration,
            checkpoint: checkpoint.as_ref(),
            interrupt: self.interrupt,
        };
        let mut watcher = Watcher {
            logged: self.logged(run)?,
            run,
            progress: self.progress,
        };
        let images = configuration.epochs * trainer.epoch_images();
        self.progress.start("training", images as u64, Unit::Images);
        let trained = trainer.run(&mut watcher);
        self.progress.finish();
        let trained = trained?;
        watcher.make_up(&trained.history)?;
        Ok(trained)
    }

    /// The file in `folder` for a training on these images from these weights.
    fn checkpoint(&self, folder: &Folder) -> Result<Checkpoint, Failure> {
        let data = format!(
            "{} {} {} {}",
            self.dataset_digest,
            recipe::name(self.preprocess),
            self.augment,
            self.materials.weights.digest()?
        );
        Ok(folder.checkpoint(&data))
    }

    /// The epochs that the store knows of: none of a run that has just begun. Without its answer they might be logged
    /// twice.
    fn logged(&self, run: &TrackedRun) -> Result<BTreeSet<i64>, Failure> {
        let id = run.id().filter(|_| run.is_resumed());
        let history = id.map(|id| self.client.metric_history(id, VAL_ACC));
        let metrics = history.transpose()?.unwrap_or_default();
        Ok(metrics.iter().map(|metric| metric.step).collect())
    }

    fn register(
        &self,
        job: &Job<'_>,
        trained: &Trained,
        run: &mut TrackedRun,
    ) -> Result<Finished, Failure> {
        run.log_best(&trained.best)?;
        let labels = self.labels();
        let classes = self.dataset.classes.clone();
        let mut metadata = ModelMetadata::new(self.model_name, classes, self.preprocess.clone())
            .with_val_acc(trained.best.val_acc)
            .with_temperature(fit_temperature(&trained.logits, &labels)?);
        metadata.run_id = run.id().map(Into::into);
        let (name, parameters) = (&job.name, self.parameters(job.configuration));
        artifacts::log(
            run,
            name,
            trained,
            &metadata,
            &labels,
            self.dataset,
            &parameters,
        )?;
        let model = TrainedModel {
            weights: &trained.weights,
            metadata: &metadata,
            best: trained.best,
        };
        let version = if job.registers(&trained.best) {
            run.register(&model)?
        } else {
            None
        };
        Ok(Finished {
            name: name.clone(),
            run_id: run.id().map(Into::into),
            version: version.map(|version| version.version),
            val_acc: trained.best.val_acc,
            val_loss: trained.best.val_loss,
            best_epoch: trained.best.epoch,
            seconds: 0.0,
            tracking_seconds: 0.0,
        })
    }

    /// The class of each validation image.
    fn labels(&self) -> Vec<usize> {
        let labels = self.materials.validation.labels().iter();
        labels.map(|label| *label as usize).collect()
    }

    fn parameters(&self, configuration: &Configuration) -> Vec<(&'static str, String)> {
        let mut parameters = parameters::of(configuration);
        parameters.extend([
            ("recipe", recipe::name(self.preprocess)),
            ("augment", self.augment.clone()),
        ]);
        parameters
    }

    /// What every run of the experiment says of itself.
    pub(crate) fn common_plan(&self, name: &str) -> RunPlan {
        let data = self.training_data();
        RunPlan::new(self.name, name)
            .param("train_images", data.train_images)
            .param("val_images", data.val_images)
            .tag("dataset", &self.dataset.name)
            .tag("dataset_digest", self.dataset_digest)
            .data(data)
            .provenance(provenance::of_this_process())
            .spool(self.spool.clone())
            .resume(self.run_id.take())
    }

    fn plan(&self, job: &Job<'_>) -> RunPlan {
        let plan = self.common_plan(&job.name).source("pet-cli train");
        let parameters = self.parameters(job.configuration).into_iter();
        let plan = parameters.fold(plan, |plan, (key, value)| plan.param(key, value));
        let tags = job.tags.iter();
        tags.fold(plan, |plan, (key, value)| plan.tag(*key, value))
    }

    /// How many images one epoch looks at, those that it is judged by included.
    pub(crate) fn epoch_images(&self) -> usize {
        let Materials {
            train, validation, ..
        } = &self.materials;
        train.labels().len() + validation.labels().len()
    }

    /// The same, with its progress reported elsewhere.
    pub(crate) fn with_progress<'b>(self, progress: &'b dyn Progress) -> Experiment<'b>
    where
        Self: 'b,
    {
        let experiment: Experiment<'b> = self;
        Experiment {
            progress,
            ..experiment
        }
    }

    fn training_data(&self) -> TrainingData {
        let folder = &self.dataset.root;
        TrainingData {
            name: self.dataset.name.clone(),
            digest: self.dataset_digest.into(),
            folder: std::path::absolute(folder)
                .unwrap_or_else(|_| folder.clone())
                .display()
                .to_string(),
            classes: self.dataset.classes.len(),
            train_images: self.materials.train.labels().len(),
            val_images: self.materials.validation.labels().len(),
        }
    }
}
