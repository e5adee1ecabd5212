//! Writing a run to its store, or to the spool once the store is away.

use super::entry::{Attachment, Entry};
use super::folder::{Header, RunFolder};
use super::{PendingRun, Spool};
use crate::batch::Batch;
use crate::client::{Client, NewModel};
use crate::dataset::DatasetInput;
use crate::error::{Error, Result};
use crate::registry::ModelVersion;
use crate::run::{NewRun, Run, RunStatus};
use crate::time::now;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Writes one run to its store. Once the store is away, everything that follows goes to the spool,
/// and no time is spent on waiting for the store any more.
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
    client: Client,
    spool: Option<Spool>,
    experiment: String,
    new: NewRun,
    run: Option<Run>,
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    folder: RunFolder,
    reason: String,
}

/// Where a run lies that could not be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spooled {
    /// Its folder.
    pub path: PathBuf,
    /// What the store's last words were.
    pub reason: String,
}

impl Recorder {
    /// Starts a run in an experiment, which is made where there is none.
    ///
    /// # Errors
    /// When a name or tag is not accepted, the store fails in a way that waiting does not mend, or
    /// it is away and there is no spool.
    pub fn start(
        client: &Client,
        spool: Option<&Spool>,
        experiment: &str,
        new: NewRun,
    ) -> Result<Self> {
        let run = client
            .experiment(experiment)
            .and_then(|experiment| client.create_run(&experiment.id, &new));
        Self::with(client, spool, experiment, new, run)
    }

    /// Goes on with a run that is there already; its name and tags are replaced by the new ones.
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
        let tags = Batch {
            tags: new.all_tags(),
            ..Batch::new()
        };
        client.log_batch(run_id, &tags)?;
        client.update_run(run_id, RunStatus::Running, None)?;
        Self::with(client, spool, "", new, Ok(run))
    }

    fn with(
        client: &Client,
        spool: Option<&Spool>,
        experiment: &str,
        new: NewRun,
        run: Result<Run>,
    ) -> Result<Self> {
        let mut recorder = Self {
            client: client.clone(),
            spool: spool.cloned(),
            experiment: experiment.to_owned(),
            new,
            run: None,
            kept: Mutex::new(None),
        };
        match run {
            Ok(run) => recorder.run = Some(run),
            Err(error) => {
                let kept = recorder.keep(error)?;
                recorder.kept = Mutex::new(Some(kept));
            }
        }
        Ok(recorder)
    }

    /// The run; none if the store was away when it started.
    pub fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// Where the run lies, if something could not be sent.
    pub fn spooled(&self) -> Option<Spooled> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map(Kept::spooled)
    }

    /// Logs metrics, parameters and tags.
    ///
    /// # Errors
    /// As [`Client::log_batch`], except that a store that is away is none with a spool.
    pub fn log(&self, batch: &Batch) -> Result<()> {
        batch.check()?;
        self.record(&Entry::Batch(batch.clone()), Attachment::None)
            .map(|_| ())
    }

    /// Notes the data sets that the run used.
    ///
    /// # Errors
    /// As [`Client::log_datasets`], except that a store that is away is none with a spool.
    pub fn log_datasets(&self, datasets: &[DatasetInput]) -> Result<()> {
        datasets.iter().try_for_each(DatasetInput::check)?;
        self.record(&Entry::Datasets(datasets.to_vec()), Attachment::None)
            .map(|_| ())
    }

    /// Keeps bytes as a file of the run.
    ///
    /// # Errors
    /// As [`Artifacts::upload_bytes`](crate::Artifacts::upload_bytes), except that a store that is
    /// away is none with a spool.
    pub fn log_artifact(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let path = path.to_owned();
        self.record(&Entry::Artifact { path }, Attachment::Bytes(bytes))
            .map(|_| ())
    }

    /// Uploads a model's folder and registers it; none where it has to wait in the spool.
    ///
    /// # Errors
    /// As [`Client::register_folder`], except that a store that is away is none with a spool.
    pub fn register_folder(&self, folder: &Path, model: &NewModel) -> Result<Option<ModelVersion>> {
        self.record(&Entry::Model(model.clone()), Attachment::Path(folder))
    }

    /// Ends the run. If something lies in the spool and the store is back, everything is sent now.
    /// Says where the run lies otherwise.
    ///
    /// # Errors
    /// As [`Client::update_run`], except that a store that is away is none with a spool.
    pub fn end(self, status: RunStatus) -> Result<Option<Spooled>> {
        let time = now();
        self.record(&Entry::End { status, time }, Attachment::None)?;
        let kept = self.kept.into_inner();
        let Some(kept) = kept.unwrap_or_else(PoisonError::into_inner) else {
            return Ok(None);
        };
        let spooled = kept.spooled();
        // Sending takes the folder for itself.
        drop(kept);
        let sent = self
            .client
            .check()
            .and_then(|()| PendingRun::open(spooled.path.clone())?.send(&self.client));
        Ok(sent.is_err().then_some(spooled))
    }

    fn record(&self, entry: &Entry, attachment: Attachment<'_>) -> Result<Option<ModelVersion>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let error = match (&*kept, &self.run) {
            (None, Some(run)) => match entry.send(&self.client, run, attachment) {
                Err(error) => Some(error),
                sent => return sent,
            },
            _ => None,
        };
        if let Some(error) = error {
            *kept = Some(self.keep(error)?);
        }
        if let Some(kept) = &mut *kept {
            kept.folder.append(entry, attachment)?;
        }
        Ok(None)
    }

    /// A folder in the spool for this run, because of an error; the error itself where the spool
    /// does not help.
    fn keep(&self, error: Error) -> Result<Kept> {
        let Some(spool) = self.spool.as_ref().filter(|_| error.is_away()) else {
            return Err(error);
        };
        let reason = error.to_string();
        let header = Header {
            tracking_uri: self.client.tracking_uri().to_string(),
            experiment: self.experiment.clone(),
            run: self.new.clone(),
            run_id: self.run.as_ref().map(|run| run.id.clone()),
            reason: reason.clone(),
        };
        let folder = RunFolder::create(spool.root(), &header)?;
        Ok(Kept { folder, reason })
    }
}

impl Kept {
    fn spooled(&self) -> Spooled {
        Spooled {
            path: self.folder.path().to_owned(),
            reason: self.reason.clone(),
        }
    }
}
