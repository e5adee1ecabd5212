//! A run, from its start to its end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mlflow_client::spool::{Recorder, Spooled};
use mlflow_client::{Batch, Client, ModelVersion, RunStatus, Timestamp, now};
use pet_model::{BEST_VAL_ACC, BEST_VAL_LOSS, VAL_ACC, VAL_LOSS};
use pet_train::{EpochMetrics, Observer};

use super::model::{self, TrainedModel};
use super::monitor::Monitor;
use super::note::{self, Progress};
use super::plan::RunPlan;
use crate::error::{Error, doing};

/// Metric: the epoch whose weights were kept, from 0.
pub(crate) const BEST_EPOCH: &str = "best_epoch";
/// Metric of every epoch: the loss that was trained with.
pub(crate) const TRAIN_LOSS: &str = "train_loss";
/// Tag: how long the run took, such as `12.3 s`.
const DURATION: &str = "duration";

/// A run that was started and has not ended. It is told of every epoch as it ends; dropped without an end, it is marked
/// `FAILED`.
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
    /// None once it has ended.
    recorder: Option<Arc<Recorder>>,
    /// Logs what the machine does, if that was asked for.
    monitor: Option<Monitor>,
    progress: Progress,
    start: Instant,
    tracking: Duration,
}

impl TrackedRun {
    /// Creates the experiment if need be, starts the run and logs its parameters.
    ///
    /// # Errors
    ///
    /// [`Error::Tracking`] when the store fails. With a [spool](RunPlan::spool), a store that cannot be reached is no failure.
    pub fn start(client: &Client, plan: &RunPlan) -> Result<Self, Error> {
        let (start, spool) = (Instant::now(), plan.spool.as_ref());
        let progress = Progress::default();
        // The note goes along with the other tags that the run starts with.
        let new = plan.new_run().tag(note::TAG, note::text(plan, &progress));
        let recorder = match &plan.run_id {
            Some(run_id) => Recorder::resume(client, spool, run_id, new),
            None => Recorder::start(client, spool, &plan.experiment, new),
        };
        let recorder = Arc::new(recorder.map_err(doing("start the run"))?);
        let mut run = Self {
            client: client.clone(),
            plan: plan.clone(),
            recorder: Some(Arc::clone(&recorder)),
            monitor: None,
            progress,
            start,
            tracking: Duration::ZERO,
        };
        let batch = Batch::new().params(&plan.params);
        run.log(&batch, "log the parameters")?;
        if let Some(data) = &plan.data {
            run.recorder()?
                .log_datasets(&[data.input()])
                .map_err(doing("log the data set"))?;
        }
        if run.is_resumed() {
            // It may have other parameters already, which is worth knowing before any work.
            let recorder = run.recorder()?;
            recorder.flush().map_err(doing("log the parameters"))?;
        }
        if plan.system_metrics.enabled {
            run.monitor = Some(Monitor::start(recorder, plan.system_metrics)?);
        }
        run.tracking = start.elapsed();
        Ok(run)
    }

    /// The run's ID; none if the store could not be reached when it started.
    pub fn id(&self) -> Option<&str> {
        let run = self.recorder.as_ref().and_then(|recorder| recorder.run());
        run.map(|run| run.id.as_str())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.plan.name
    }

    /// Whether it continues a run that was there before.
    pub fn is_resumed(&self) -> bool {
        self.plan.run_id.is_some()
    }

    /// Where the rest of the run is kept, if something could not be sent.
    pub fn spooled(&self) -> Option<Spooled> {
        self.recorder.as_ref()?.spooled()
    }

    /// Time spent on tracking so far.
    pub fn tracking_time(&self) -> Duration {
        self.tracking
    }

    /// Keeps a file with the run.
    ///
    /// # Errors
    ///
    /// [`Error::Tracking`] when the store fails.
    pub fn log_artifact(&mut self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        self.timed(|run| {
            let logged = run.recorder()?.log_artifact(path, bytes);
            logged.map_err(doing("log an artifact"))
        })
    }

    /// Logs which epoch's weights were kept unless that was done, uploads the model in MLflow's format and registers it
    /// as the next version of the model that its metadata names, unless a resumed run did so before it was killed. None
    /// where the store cannot be reached: the version is created when it is sent.
    ///
    /// # Errors
    ///
    /// [`Error::Tracking`] when the store fails, [`Error::Train`] when the model cannot be written.
    pub fn register(&mut self, trained: &TrainedModel<'_>) -> Result<Option<ModelVersion>, Error> {
        if self.progress.best != Some(trained.best) {
            self.log_best(&trained.best)?;
        }
        let version = self.timed(|run| {
            let known = run.registered(&trained.metadata.model_name)?;
            match known {
                Some(version) => Ok(Some(version)),
                None => model::register(run.recorder()?, &run.plan, trained),
            }
        })?;
        self.progress.version.clone_from(&version);
        Ok(version)
    }

    /// The version that a resumed run had registered before it was interrupted.
    fn registered(&self, name: &str) -> Result<Option<ModelVersion>, Error> {
        let (true, Some(id)) = (self.is_resumed(), self.id()) else {
            return Ok(None);
        };
        for version in self.client.model_versions(name) {
            let version = version.map_err(doing("list the model's versions"))?;
            if version.run_id.as_deref() == Some(id) {
                return Ok(Some(version));
            }
        }
        Ok(None)
    }

    /// Logs which epoch's weights were kept, unless the store knows: soon after the last epoch it goes along with that,
    /// and for a model that is not registered nobody else does it.
    ///
    /// # Errors
    ///
    /// [`Error::Tracking`] when the store fails.
    pub fn log_best(&mut self, best: &EpochMetrics) -> Result<(), Error> {
        let step = best.epoch as i64;
        if self.logged_steps(BEST_EPOCH)?.contains(&step) {
            self.progress.best = Some(*best);
            return Ok(());
        }
        let figures = [(BEST_VAL_ACC, best.val_acc), (BEST_VAL_LOSS, best.val_loss)];
        let batch = Batch::new().metric(BEST_EPOCH, best.epoch as f64, now(), step);
        let batch = with_measured(batch, figures, now(), step);
        self.progress.best = Some(*best);
        self.timed(|run| run.log(&batch, "log the best epoch"))
    }

    /// The steps at which the store knows a metric: none of a run that has just begun. Without its answer a point might be
    /// logged twice, so for a resumed run it has to give one.
    ///
    /// # Errors
    ///
    /// [`Error::Tracking`] when the store fails.
    pub(crate) fn logged_steps(&self, metric: &str) -> Result<BTreeSet<i64>, Error> {
        let id = self.id().filter(|_| self.is_resumed());
        let history = id.map(|id| self.client.metric_history(id, metric));
        let points = history.transpose().map_err(doing("read the metrics"))?;
        let points = points.unwrap_or_default();
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

    /// Ends the run as `KILLED`: it was interrupted. What was logged stays.
    ///
    /// # Errors
    ///
    /// [`Error::Tracking`] when the store fails.
    pub fn kill(self) -> Result<Option<Spooled>, Error> {
        self.end(RunStatus::Killed)
    }

    /// Logs figures of the run.
    ///
    /// # Errors
    ///
    /// [`Error::Tracking`] when the store fails.
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
        recorder.end(status).map_err(doing("end the run"))
    }

    /// The recorder once nobody else uses it.
    fn take_recorder(&mut self) -> Option<Recorder> {
        self.monitor = None;
        self.recorder.take().and_then(Arc::into_inner)
    }

    /// Adds the time that some tracking takes.
    fn timed<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let start = Instant::now();
        let result = work(self);
        self.tracking += start.elapsed();
        result
    }

    fn log(&self, batch: &Batch, action: &'static str) -> Result<(), Error> {
        self.recorder()?.log(batch).map_err(doing(action))
    }

    fn recorder(&self) -> Result<&Recorder, Error> {
        self.recorder.as_deref().ok_or(Error::Ended)
    }
}

/// Adds the figures that there are.
fn with_measured(
    batch: Batch,
    figures: [(&str, Option<f64>); 2],
    time: Timestamp,
    step: i64,
) -> Batch {
    let measured = figures.into_iter();
    let measured = measured.filter_map(|(key, value)| Some((key, value?)));
    measured.fold(batch, |batch, (key, value)| {
        batch.metric(key, value, time, step)
    })
}

impl Drop for TrackedRun {
    fn drop(&mut self) {
        if let Some(recorder) = self.take_recorder() {
            // The error that led here is being reported; one more about bookkeeping would hide it.
            let _ = recorder.end(RunStatus::Failed);
        }
    }
}

impl Observer for TrackedRun {
    fn epoch(
        &mut self,
        metrics: &EpochMetrics,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let (time, step) = (now(), metrics.epoch as i64);
        let batch = Batch::new()
            .metric(TRAIN_LOSS, metrics.train_loss, time, step)
            .metric("train_acc", metrics.train_acc, time, step);
        let figures = [(VAL_LOSS, metrics.val_loss), (VAL_ACC, metrics.val_acc)];
        let batch = with_measured(batch, figures, time, step);
        self.progress.last = Some(*metrics);
        Ok(self.timed(|run| run.log(&batch, "log the epoch"))?)
    }
}
