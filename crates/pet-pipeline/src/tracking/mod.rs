//! A training run as an MLflow run and a registered model version.

mod model;
mod note;
mod plan;
mod system;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mlflow_client::spool::{Recorder, Spooled};
use mlflow_client::{Batch, Client, ModelVersion, RunStatus, now};
use pet_model::{BEST_VAL_ACC, BEST_VAL_LOSS, VAL_ACC, VAL_LOSS};
use pet_train::{EpochMetrics, Observer};

use self::note::Progress;
use self::system::Monitor;
use crate::error::{Error, tracking_error};

pub use model::TrainedModel;
pub use plan::{RunPlan, TrainingData};

/// Metric: the epoch of the kept weights, from 0.
pub(crate) const BEST_EPOCH: &str = "best_epoch";
/// Metric of every epoch.
pub(crate) const TRAIN_LOSS: &str = "train_loss";
/// Tag: the duration of the run, such as `12.3 s`.
const DURATION: &str = "duration";

/// An active run, which logs every epoch that it observes. If it is dropped without being ended, it is marked `FAILED`.
///
/// ```
/// use mlflow_client::Client;
/// use pet_pipeline::{RunPlan, TrackedRun};
///
/// let folder = tempfile::tempdir()?;
/// let client = Client::local(folder.path())?;
/// let plan = RunPlan::new("OxfordPetExperiment", "first try").param("batch_size", 32);
/// let mut run = TrackedRun::start(&client, &plan)?;
/// run.log_artifact("notes.txt", b"nothing trained yet")?;
/// run.finish()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TrackedRun {
    client: Client,
    plan: RunPlan,
    /// `None` after the end.
    recorder: Option<Arc<Recorder>>,
    /// Logs system metrics, if enabled.
    monitor: Option<Monitor>,
    progress: Progress,
    start: Instant,
    tracking: Duration,
}

impl TrackedRun {
    /// Creates the experiment if necessary, starts the run and logs its parameters.
    ///
    /// # Errors
    ///
    /// [`Error::Tracking`] when the store fails. With a [spool](RunPlan::spool), an unreachable store is not a failure.
    pub fn start(client: &Client, plan: &RunPlan) -> Result<Self, Error> {
        let (start, spool) = (Instant::now(), plan.spool.as_ref());
        let progress = Progress::default();
        // The description is sent with the other tags.
        let new = plan.new_run().tag(note::TAG, note::text(plan, &progress));
        let recorder = match &plan.run_id {
            Some(run_id) => Recorder::resume(client, spool, run_id, new),
            None => Recorder::start(client, spool, &plan.experiment, new),
        };
        let recorder = recorder.map_err(tracking_error("start the run"))?;
        // From here on, an error ends the run as `FAILED`.
        let mut run = Self {
            client: client.clone(),
            plan: plan.clone(),
            recorder: Some(Arc::new(recorder)),
            monitor: None,
            progress,
            start,
            tracking: Duration::ZERO,
        };
        run.log(&Batch::new().params(&plan.params), "log the parameters")?;
        if let Some(data) = &plan.data {
            let logged = run.recorder()?.log_datasets(&[data.input()]);
            logged.map_err(tracking_error("log the data set"))?;
        }
        if run.is_resumed() {
            // It fails here, before any work, if the run has other parameters.
            run.recorder()?.flush().map_err(tracking_error("log the parameters"))?;
        }
        if plan.system_metrics.enabled {
            let recorder = run.recorder.clone().ok_or(Error::Ended)?;
            run.monitor = Some(Monitor::start(recorder, plan.system_metrics)?);
        }
        run.tracking = start.elapsed();
        Ok(run)
    }

    /// The run's ID; `None` if the store was unreachable at the start.
    pub fn id(&self) -> Option<&str> {
        self.recorder.as_ref()?.run().map(|run| run.id.as_str())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.plan.name
    }

    /// Whether it resumes an earlier run.
    fn is_resumed(&self) -> bool {
        self.plan.run_id.is_some()
    }

    /// Time spent on tracking so far.
    pub(crate) fn tracking_time(&self) -> Duration {
        self.tracking
    }

    /// Logs a file.
    ///
    /// # Errors
    ///
    /// [`Error::Tracking`] when the store fails.
    pub fn log_artifact(&mut self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        let failed = tracking_error("log an artifact");
        self.timed(|run| run.recorder()?.log_artifact(path, bytes).map_err(failed))
    }

    /// Logs the best epoch if that was not done, uploads the model in MLflow's format and registers it as a version of the
    /// model named in its metadata, unless a resumed run had already done that. Returns `None` while the store is
    /// unreachable: the version is created later.
    ///
    /// # Errors
    ///
    /// [`Error::Tracking`] when the store fails, [`Error::Train`] when the model cannot be written.
    pub fn register(&mut self, trained: &TrainedModel<'_>) -> Result<Option<ModelVersion>, Error> {
        if self.progress.best != Some(trained.best) {
            self.log_best(&trained.best)?;
        }
        let version = self.timed(|run| match run.registered(&trained.metadata.model_name)? {
            Some(version) => Ok(Some(version)),
            None => model::register(run.recorder()?, &run.plan, trained),
        })?;
        self.progress.version.clone_from(&version);
        Ok(version)
    }

    /// The version that a resumed run registered before it was interrupted.
    fn registered(&self, name: &str) -> Result<Option<ModelVersion>, Error> {
        let (true, Some(id)) = (self.is_resumed(), self.id()) else {
            return Ok(None);
        };
        for version in self.client.model_versions(name) {
            let version = version.map_err(tracking_error("list the model's versions"))?;
            if version.run_id.as_deref() == Some(id) {
                return Ok(Some(version));
            }
        }
        Ok(None)
    }

    /// Logs the best epoch, unless the store already has it. Call this soon after the last epoch to send both together.
    pub(crate) fn log_best(&mut self, best: &EpochMetrics) -> Result<(), Error> {
        let step = best.epoch as i64;
        if self.logged_steps(BEST_EPOCH)?.contains(&step) {
            self.progress.best = Some(*best);
            return Ok(());
        }
        let metrics = [
            (BEST_EPOCH, Some(best.epoch as f64)),
            (BEST_VAL_ACC, best.val_acc),
            (BEST_VAL_LOSS, best.val_loss),
        ];
        let batch = metrics_batch(metrics, step);
        self.progress.best = Some(*best);
        self.timed(|run| run.log(&batch, "log the best epoch"))
    }

    /// The steps of a metric in the store; empty for a new run. A resumed run needs them to log no point twice.
    pub(crate) fn logged_steps(&self, metric: &str) -> Result<BTreeSet<i64>, Error> {
        let id = self.id().filter(|_| self.is_resumed());
        let history = id.map(|id| self.client.metric_history(id, metric)).transpose();
        let points = history.map_err(tracking_error("read the metrics"))?.unwrap_or_default();
        Ok(points.iter().map(|point| point.step).collect())
    }

    /// Ends the run as `FINISHED`. Returns where the rest is kept if not everything could be sent.
    ///
    /// # Errors
    ///
    /// [`Error::Tracking`] when the store fails.
    pub fn finish(self) -> Result<Option<Spooled>, Error> {
        self.end(RunStatus::Finished)
    }

    /// Ends an interrupted run as `KILLED`. What was logged is kept.
    ///
    /// # Errors
    ///
    /// [`Error::Tracking`] when the store fails.
    pub fn kill(self) -> Result<Option<Spooled>, Error> {
        self.end(RunStatus::Killed)
    }

    /// Logs metrics of the run.
    pub(crate) fn log_metrics(&mut self, batch: &Batch) -> Result<(), Error> {
        self.timed(|run| run.log(batch, "log the metrics"))
    }

    fn end(mut self, status: RunStatus) -> Result<Option<Spooled>, Error> {
        let took = self.start.elapsed();
        self.progress.took = Some(took);
        let batch = Batch::new()
            .tag(DURATION, format!("{:.1} s", took.as_secs_f64()))
            .tag(note::TAG, note::text(&self.plan, &self.progress));
        self.log(&batch, "log the note")?;
        let recorder = self.take_recorder().ok_or(Error::Ended)?;
        recorder.end(status).map_err(tracking_error("end the run"))
    }

    /// Stops the monitor and takes the recorder.
    fn take_recorder(&mut self) -> Option<Recorder> {
        self.monitor = None;
        self.recorder.take().and_then(Arc::into_inner)
    }

    /// Adds the duration of `work` to the time spent on tracking.
    fn timed<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let start = Instant::now();
        let result = work(self);
        self.tracking += start.elapsed();
        result
    }

    fn log(&self, batch: &Batch, action: &'static str) -> Result<(), Error> {
        self.recorder()?.log(batch).map_err(tracking_error(action))
    }

    fn recorder(&self) -> Result<&Recorder, Error> {
        self.recorder.as_deref().ok_or(Error::Ended)
    }
}

impl Drop for TrackedRun {
    fn drop(&mut self) {
        if let Some(recorder) = self.take_recorder() {
            // Another error must not hide the one that led here.
            let _ = recorder.end(RunStatus::Failed);
        }
    }
}

impl Observer for TrackedRun {
    fn epoch(
        &mut self,
        metrics: &EpochMetrics,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let values = [
            (TRAIN_LOSS, Some(metrics.train_loss)),
            ("train_acc", Some(metrics.train_acc)),
            (VAL_LOSS, metrics.val_loss),
            (VAL_ACC, metrics.val_acc),
        ];
        let batch = metrics_batch(values, metrics.epoch as i64);
        self.progress.last = Some(*metrics);
        Ok(self.timed(|run| run.log(&batch, "log the epoch"))?)
    }
}

/// A batch of the metrics that have a value.
pub(crate) fn metrics_batch<K: Into<String>>(
    metrics: impl IntoIterator<Item = (K, Option<f64>)>,
    step: i64,
) -> Batch {
    let time = now();
    let known = metrics.into_iter().filter_map(|(key, value)| Some((key, value?)));
    known.fold(Batch::new(), |batch, (key, value)| batch.metric(key, value, time, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_cannot_be_resumed_has_failed() {
        let folder = tempfile::tempdir().unwrap();
        let client = Client::local(folder.path()).unwrap();
        let plan = RunPlan::new("e", "r").param("batch_size", 32);
        let run = TrackedRun::start(&client, &plan).unwrap();
        let id = run.id().unwrap().to_owned();
        run.kill().unwrap();
        let mut plan = plan.param("batch_size", 64);
        plan.run_id = Some(id.clone());
        assert!(matches!(TrackedRun::start(&client, &plan), Err(Error::Tracking { .. })));
        assert_eq!(client.run(&id).unwrap().status, RunStatus::Failed);
    }
}
