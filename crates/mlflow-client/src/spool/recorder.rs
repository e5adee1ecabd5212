//! Writing a run to its store, or to the spool once the store cannot be reached.

use super::folder::{Attachment, Entry};
use super::writer::{Target, Writer};
use super::{PendingRun, Spool, Spooled};
use crate::batch::Batch;
use crate::client::Client;
use crate::error::Result;
use crate::limits::check_new_path;
use crate::registry::{ModelVersion, NewModel};
use crate::run::{DatasetInput, NewRun, Run, RunStatus};
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
        let target = Target::new(client, spool, experiment, new, run)?;
        Ok(Self { writer: Writer::start(target)? })
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
        let target = Target::new(client, spool, "", new, Ok(run))?;
        Ok(Self { writer: Writer::start(target)? })
    }

    /// The run; none if the store could not be reached when it started.
    pub fn run(&self) -> Option<&Run> {
        self.writer.target.run.as_ref()
    }

    /// The folder of the run, if something could not be sent so far.
    pub fn spooled(&self) -> Option<Spooled> {
        self.writer.target.spooled()
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
        let client = self.writer.target.client.clone();
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

#[cfg(feature = "local")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::time::Timestamp;
    use rusqlite::Connection;
    use std::time::Duration;

    struct Fixture {
        folder: tempfile::TempDir,
        client: Client,
        spool: Spool,
    }

    impl Fixture {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let database = folder.path().join("mlflow.db");
            let mut config = crate::Config::new(crate::TrackingUri::Local { database });
            config.lock_timeout = Duration::from_millis(30);
            Self {
                client: Client::open(&config).unwrap(),
                spool: Spool::new(folder.path().join("spool")),
                folder,
            }
        }

        /// Another process that keeps the store to itself, until the connection is dropped.
        fn occupy(&self) -> Connection {
            let raw = Connection::open(self.folder.path().join("mlflow.db")).unwrap();
            raw.execute_batch("BEGIN EXCLUSIVE").unwrap();
            raw
        }

        fn start(&self) -> Recorder {
            Recorder::start(
                &self.client,
                Some(&self.spool),
                "e",
                NewRun::new("a", Timestamp::from_millis(1)),
            )
            .unwrap()
        }
    }

    fn point(step: i64) -> Batch {
        Batch::new().metric("loss", 1.0 / step as f64, Timestamp::from_millis(step), step)
    }

    #[test]
    fn what_the_store_missed_is_sent_in_the_end() {
        let fixture = Fixture::new();
        let recorder = fixture.start();
        recorder.log(&point(1).param("lr", 1)).unwrap();
        recorder.flush().unwrap();
        let away = fixture.occupy();
        recorder.log(&point(2)).unwrap();
        // Otherwise both may be kept as one.
        recorder.flush().unwrap();
        recorder.log(&Batch::new().metric("loss", f64::NAN, Timestamp::from_millis(9), 9)).unwrap();
        recorder.log_datasets(&[DatasetInput::new("d", "0")]).unwrap();
        recorder.log_artifact("deep/notes.txt", b"words").unwrap();
        let model = fixture.folder.path().join("model");
        fs_err::create_dir_all(model.join("code")).unwrap();
        fs_err::write(model.join("code/a.py"), "pass").unwrap();
        let new = NewModel::new("model", "pets");
        assert!(recorder.register_folder(&model, &new).unwrap().is_none());
        assert!(recorder.spooled().unwrap().reason.contains("locked"));

        let busy = fixture.spool.pending().unwrap().remove(0).send(&fixture.client);
        assert!(matches!(busy, Err(Error::SpoolBusy { .. })), "{busy:?}");
        let spooled = recorder.end(RunStatus::Finished).unwrap();
        // A local store has no quick check, so the end tries, and fails at the lock.
        assert!(spooled.is_some());
        drop(away);

        let pending = fixture.spool.pending().unwrap().remove(0);
        assert_eq!((pending.name(), pending.len().unwrap()), ("a", 6));
        let sent = pending.send(&fixture.client).unwrap();
        assert_eq!((sent.entries, sent.versions[0].version), (6, 1));
        let run = fixture.client.run(&sent.run_id).unwrap();
        assert_eq!(run.status, RunStatus::Finished);
        assert_eq!(run.datasets[0].name, "d");
        let history = fixture.client.metric_history(&run.id, "loss").unwrap();
        assert_eq!(history.len(), 3);
        assert!(history[2].value.is_nan());
        let artifacts = fixture.client.artifacts(&run.artifact_uri).unwrap();
        let target = fixture.folder.path().join("back");
        assert_eq!(artifacts.download_folder("", &target).unwrap(), 2);
        assert_eq!(fs_err::read(target.join("deep/notes.txt")).unwrap(), b"words");
        assert_eq!(fs_err::read(target.join("model/code/a.py")).unwrap(), b"pass");
        assert!(fixture.spool.pending().unwrap().is_empty());
    }

    #[test]
    fn a_store_that_is_back_at_the_end_gets_everything_at_once() {
        let fixture = Fixture::new();
        let recorder = fixture.start();
        let away = fixture.occupy();
        recorder.log(&point(1)).unwrap();
        recorder.flush().unwrap();
        drop(away);
        let run = recorder.run().unwrap().id.clone();
        assert_eq!(recorder.end(RunStatus::Killed).unwrap(), None);
        assert_eq!(fixture.client.run(&run).unwrap().status, RunStatus::Killed);
        assert_eq!(fixture.client.metric_history(&run, "loss").unwrap().len(), 1);
        assert!(fixture.spool.pending().unwrap().is_empty());
    }

    #[test]
    fn a_run_that_started_without_its_store_is_made_later() {
        let fixture = Fixture::new();
        let away = fixture.occupy();
        let recorder = fixture.start();
        assert!(recorder.run().is_none());
        recorder.log(&point(1)).unwrap();
        // Its process dies here, without a word.
        drop(recorder);
        drop(away);
        let pending = fixture.spool.pending().unwrap().remove(0);
        assert_eq!(pending.run_id(), None);
        let sent = pending.send(&fixture.client).unwrap();
        let run = fixture.client.run(&sent.run_id).unwrap();
        assert_eq!((run.status, run.name.as_str()), (RunStatus::Killed, "a"));
        assert_eq!(run.metrics["loss"].step, 1);
    }

    #[test]
    fn a_mistake_is_no_reason_to_keep_anything() {
        let fixture = Fixture::new();
        let recorder = fixture.start();
        recorder.log(&Batch::new().param("lr", 1)).unwrap();
        recorder.log(&Batch::new().param("lr", 2)).unwrap();
        let refused = |error: Error| matches!(error, Error::ParamChanged { .. });
        assert!(recorder.flush().is_err_and(refused));
        assert!(recorder.log(&Batch::new().param("#", 2)).is_err());
        assert!(recorder.log_artifact("../a", b"").is_err());
        recorder.flush().unwrap();
        assert!(fixture.spool.pending().unwrap().is_empty());
    }

    #[test]
    fn a_run_with_a_mistake_that_nobody_heard_of_has_failed() {
        let fixture = Fixture::new();
        let recorder = fixture.start();
        let run = recorder.run().unwrap().id.clone();
        recorder.log(&Batch::new().param("lr", 1)).unwrap();
        recorder.flush().unwrap();
        recorder.log(&Batch::new().param("lr", 2)).unwrap();
        let ended = recorder.end(RunStatus::Finished);
        assert!(matches!(ended, Err(Error::ParamChanged { .. })), "{ended:?}");
        assert_eq!(fixture.client.run(&run).unwrap().status, RunStatus::Failed);
    }

    #[test]
    fn without_a_spool_a_store_that_is_transient_is_an_error() {
        let fixture = Fixture::new();
        let recorder = Recorder::start(
            &fixture.client,
            None,
            "e",
            NewRun::new("a", Timestamp::from_millis(1)),
        )
        .unwrap();
        let away = fixture.occupy();
        recorder.log(&point(1)).unwrap();
        assert!(recorder.flush().unwrap_err().is_transient());
        drop(away);
    }

    #[test]
    fn what_is_no_entry_is_named_and_kept() {
        let fixture = Fixture::new();
        let recorder = fixture.start();
        let away = fixture.occupy();
        recorder.log(&point(1)).unwrap();
        recorder.flush().unwrap();
        let path = recorder.spooled().unwrap().path;
        drop(recorder);
        drop(away);
        fs_err::write(path.join("000001.json"), "{\"batch\": 7}").unwrap();
        let error = fixture.spool.pending().unwrap().remove(0).send(&fixture.client).unwrap_err();
        assert!(error.to_string().contains("000001.json"), "{error}");
        assert!(error.hint().is_some() && path.join("000001.json").is_file());
        fs_err::write(path.join("run.json"), "[]").unwrap();
        assert!(fixture.spool.pending().is_err());
    }
}
