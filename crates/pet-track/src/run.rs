//! A run, from its start to its end.

use std::collections::BTreeMap;
use std::fmt::Display;

use mlflow_client::{Batch, Client, ModelVersion, NewRun, Run, RunStatus, now};
use pet_train::{EpochMetrics, Observer};

use crate::Error;
use crate::error::doing;
use crate::model::{self, TrainedModel};

/// Metric of every epoch: share of validation images classified rightly, 0 to 1.
pub const VAL_ACC: &str = "val_acc";
/// Metric of every epoch: mean cross-entropy on the validation images, in nats.
pub const VAL_LOSS: &str = "val_loss";
/// `val_acc` of the epoch whose weights were kept.
pub const BEST_VAL_ACC: &str = "best_val_acc";
/// `val_loss` of the epoch whose weights were kept.
pub const BEST_VAL_LOSS: &str = "best_val_loss";
/// The epoch whose weights were kept, from 0.
pub const BEST_EPOCH: &str = "best_epoch";

/// What a run starts with.
#[derive(Clone, Debug)]
pub struct RunPlan {
    experiment: String,
    name: String,
    user: Option<String>,
    source: Option<String>,
    params: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
}

impl RunPlan {
    /// A run of this name in this experiment, which is made if there is none.
    pub fn new(experiment: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            experiment: experiment.into(),
            name: name.into(),
            user: None,
            source: None,
            params: BTreeMap::new(),
            tags: BTreeMap::new(),
        }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn param(mut self, key: impl Into<String>, value: impl Display) -> Self {
        self.params.insert(key.into(), value.to_string());
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    /// Names who runs it.
    #[must_use]
    pub fn user(mut self, user: Option<String>) -> Self {
        self.user = user;
        self
    }

    /// Names what is run, such as a command line.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }
}

/// A run that was started and has not ended.
pub struct TrackedRun<'a> {
    client: &'a Client,
    run: Run,
    ended: bool,
}

impl<'a> TrackedRun<'a> {
    /// Makes the experiment if need be, starts the run and logs its parameters.
    ///
    /// # Errors
    ///
    /// [`Error::Tracking`] when the store fails.
    pub fn start(client: &'a Client, plan: &RunPlan) -> Result<Self, Error> {
        let experiment = client
            .experiment(&plan.experiment)
            .map_err(doing("open the experiment"))?;
        let mut new = NewRun::new(&plan.name, now());
        new.user.clone_from(&plan.user);
        new.source.clone_from(&plan.source);
        new.tags.clone_from(&plan.tags);
        let run = client
            .create_run(&experiment.id, &new)
            .map_err(doing("start the run"))?;
        let tracked = Self {
            client,
            run,
            ended: false,
        };
        let batch = Batch {
            params: plan.params.clone(),
            ..Batch::new()
        };
        client
            .log_batch(tracked.id(), &batch)
            .map_err(doing("log the parameters"))?;
        Ok(tracked)
    }

    /// The run's id.
    pub fn id(&self) -> &str {
        &self.run.id
    }

    /// Keeps a file with the run.
    ///
    /// # Errors
    ///
    /// [`Error::Tracking`] when the store fails.
    pub fn log_artifact(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        let artifacts = self.client.artifacts(&self.run.artifact_uri);
        artifacts
            .and_then(|artifacts| artifacts.upload_bytes(bytes, path))
            .map_err(doing("log an artifact"))
    }

    /// Logs which epoch's weights were kept, uploads the model in MLflow's format and registers it as the next version
    /// of the model that its metadata names.
    ///
    /// # Errors
    ///
    /// [`Error::Tracking`] when the store fails, [`Error::Model`] when the model cannot be written.
    pub fn register(&self, trained: &TrainedModel<'_>) -> Result<ModelVersion, Error> {
        let best = &trained.best;
        let step = best.epoch as i64;
        let batch = Batch::new()
            .metric(BEST_VAL_ACC, best.val_acc, now(), step)
            .metric(BEST_VAL_LOSS, best.val_loss, now(), step)
            .metric(BEST_EPOCH, best.epoch as f64, now(), step);
        self.client
            .log_batch(self.id(), &batch)
            .map_err(doing("log the best epoch"))?;
        model::register(self.client, &self.run, trained)
    }

    /// Ends the run as `FINISHED`.
    ///
    /// # Errors
    ///
    /// [`Error::Tracking`] when the store fails.
    pub fn finish(self) -> Result<(), Error> {
        self.end(RunStatus::Finished)
    }

    /// Ends the run as `KILLED`: it was interrupted. What was logged stays.
    ///
    /// # Errors
    ///
    /// [`Error::Tracking`] when the store fails.
    pub fn kill(self) -> Result<(), Error> {
        self.end(RunStatus::Killed)
    }

    fn end(mut self, status: RunStatus) -> Result<(), Error> {
        self.ended = true;
        self.client
            .update_run(&self.run.id, status, Some(now()))
            .map_err(doing("end the run"))
    }
}

impl Drop for TrackedRun<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // The error that led here is being reported; one more about bookkeeping would hide it.
            let _ = self
                .client
                .update_run(&self.run.id, RunStatus::Failed, Some(now()));
        }
    }
}

impl Observer for TrackedRun<'_> {
    fn epoch(
        &mut self,
        metrics: &EpochMetrics,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let (time, step) = (now(), metrics.epoch as i64);
        let batch = Batch::new()
            .metric("train_loss", metrics.train_loss, time, step)
            .metric("train_acc", metrics.train_acc, time, step)
            .metric(VAL_LOSS, metrics.val_loss, time, step)
            .metric(VAL_ACC, metrics.val_acc, time, step);
        Ok(self
            .client
            .log_batch(self.id(), &batch)
            .map_err(doing("log the epoch"))?)
    }
}
