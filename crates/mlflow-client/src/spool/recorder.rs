//! Writing a run to its store, or to the spool once the store cannot be reached.

use super::entry::{Attachment, Entry};
use super::pending::PendingRun;
use super::writer::{Target, Writer};
use super::{Spool, Spooled};
use crate::artifact::location::check_new_path;
use crate::batch::Batch;
use crate::client::Client;
use crate::dataset::DatasetInput;
use crate::error::Result;
use crate::registry::{ModelVersion, NewModel};
use crate::run::{NewRun, Run, RunStatus};
use crate::time::now;
use std::path::Path;

/// Writes one run to its store from a background thread: the caller does not wait for the store, and
/// what is logged while the store is busy is sent as one request. Once the store cannot be reached,
/// everything that follows goes to the spool, without further attempts.
///
/// What the store rejects is returned as the error of a later call, at the latest of
/// [`end`](Self::end). Dropping the recorder waits until everything has been sent or spooled, but
/// does not end the run.
///
/// ```
/// use mlflow_client::spool::{Recorder, Spool};
/// use mlflow_client::{Batch, Client, NewRun, RunStatus, now};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let client = Client::local(folder.path())?;
/// let spool = Spool::new(folder.path().join("spool"));
/// let recorder = Recorder::start(&client, Some(&spool), "digits", NewRun::new("first", now()))?;
/// recorder.log(&Batch::new().metric("loss", 0.5, now(), 0))?;
/// assert!(recorder.end(RunStatus::Finished)?.is_none(), "nothing had to be kept");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Recorder {
    writer: Writer,
}

impl Recorder {
    /// Starts a run in an experiment, which is created if there is none.
    ///
    /// # Errors
    /// When a name or tag is not accepted, the store fails for a reason that is not transient, or it
    /// cannot be reached and there is no spool.
    pub fn start(
        client: &Client,
        spool: Option<&Spool>,
        experiment: &str,
        new: NewRun,
    ) -> Result<Self> {
        let run = client
            .experiment(experiment)
            .and_then(|experiment| client.create_run(&experiment.id, &new));
        Self::with(Target::new(client, spool, experiment, new, run)?)
    }

    /// Resumes an existing run: replaces its name and tags by the new ones and removes partially written files. No
    /// other process may be writing the run.
    ///
    /// # Errors
    /// When there is no such run, or as [`start`](Self::start).
    pub fn resume(
        client: &Client,
        spool: Option<&Spool>,
        run_id: &str,
        new: NewRun,
    ) -> Result<Self> {
        let run = client.run(run_id)?;
        client.log_batch(run_id, &Batch::new().tags(new.all_tags()))?;
        client.update_run(run_id, RunStatus::Running, None)?;
        client.artifacts(&run.artifact_uri)?.remove_unfinished()?;
        Self::with(Target::new(client, spool, "", new, Ok(run))?)
    }

    fn with(target: Target) -> Result<Self> {
        let writer = Writer::start(target)?;
        Ok(Self { writer })
    }

    /// The run; none if the store could not be reached when it started.
    pub fn run(&self) -> Option<&Run> {
        self.writer.target().run.as_ref()
    }

    /// The folder of the run, if something could not be sent so far.
    pub fn spooled(&self) -> Option<Spooled> {
        self.writer.target().spooled()
    }

    /// Logs metrics, parameters and tags.
    ///
    /// # Errors
    /// When a key or value is not accepted, or something logged earlier was rejected, as by
    /// [`Client::log_batch`]. With a spool, a store that cannot be reached is no error.
    pub fn log(&self, batch: &Batch) -> Result<()> {
        batch.check()?;
        self.writer.record(Entry::Batch(batch.clone()), Attachment::None)
    }

    /// Like [`log`](Self::log), for background work such as system metrics: does not return earlier errors, which are
    /// left to the calls of the main program.
    ///
    /// # Errors
    /// When a key or value is not accepted.
    pub fn log_in_background(&self, batch: &Batch) -> Result<()> {
        batch.check()?;
        self.writer.enqueue(Entry::Batch(batch.clone()), Attachment::None, None)
    }

    /// Records the data sets that the run used.
    ///
    /// # Errors
    /// When a value is too long, or as [`log`](Self::log).
    pub fn log_datasets(&self, datasets: &[DatasetInput]) -> Result<()> {
        datasets.iter().try_for_each(DatasetInput::check)?;
        self.writer.record(Entry::Datasets(datasets.to_vec()), Attachment::None)
    }

    /// Logs bytes as a file of the run.
    ///
    /// # Errors
    /// When the path is not accepted, or as [`log`](Self::log).
    pub fn log_artifact(&self, path: &str, bytes: &[u8]) -> Result<()> {
        check_new_path(path)?;
        let path = path.to_owned();
        self.writer.record(Entry::Artifact { path }, Attachment::Bytes(bytes.to_vec()))
    }

    /// Uploads a model's folder, registers it and waits for the result; none if it went to the
    /// spool.
    ///
    /// # Errors
    /// As [`Client::register_folder`], or when something logged earlier was rejected. With a spool,
    /// a store that cannot be reached is no error.
    pub fn register_folder(&self, folder: &Path, model: &NewModel) -> Result<Option<ModelVersion>> {
        let folder = Attachment::Path(folder.to_owned());
        self.writer.finish(Entry::Model(model.clone()), folder)
    }

    /// Waits until everything has been sent or spooled.
    ///
    /// # Errors
    /// When something logged earlier was rejected.
    pub fn flush(&self) -> Result<()> {
        let nothing = Entry::Batch(Batch::new());
        self.writer.finish(nothing, Attachment::None).map(|_| ())
    }

    /// Ends the run. If something is in the spool and the store can be reached again, everything is
    /// sent now. Otherwise the folder of the run is returned.
    ///
    /// # Errors
    /// As [`Client::update_run`]; with a spool, a store that cannot be reached is no error. If
    /// something logged earlier was rejected, the run ends as `FAILED`, with that error.
    pub fn end(self, status: RunStatus) -> Result<Option<Spooled>> {
        let refused = self.flush();
        let status = match (&refused, status) {
            (Err(_), RunStatus::Finished) => RunStatus::Failed,
            (_, status) => status,
        };
        let time = now();
        let ended = self.writer.finish(Entry::End { status, time }, Attachment::None);
        refused?;
        ended?;
        let client = self.writer.target().client.clone();
        let Some(spooled) = self.spooled() else {
            return Ok(None);
        };
        // Sending needs the lock of the folder.
        drop(self);
        let sent =
            client.check().and_then(|()| PendingRun::open(spooled.path.clone())?.send(&client));
        Ok(sent.is_err().then_some(spooled))
    }
}
