use super::*;
use crate::batch::Batch;
use crate::client::Client;
use crate::dataset::DatasetInput;
use crate::error::Error;
use crate::registry::NewModel;
use crate::run::{NewRun, RunStatus};
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
    let recorder =
        Recorder::start(&fixture.client, None, "e", NewRun::new("a", Timestamp::from_millis(1)))
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
