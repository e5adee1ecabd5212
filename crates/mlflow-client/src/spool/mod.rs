//! A run that outlives its server: what cannot be sent is kept on disk and sent later.
//!
//! A [`Recorder`] writes one run. As long as the store answers, everything goes there. From the
//! moment it does not, everything goes to a folder of the [`Spool`], in order, each entry written
//! atomically. [`PendingRun::send`] sends it later.
//!
//! ```text
//! SPOOL/ID/run.json       which run of which store, and why it is here
//!          lock           held by the process that writes the run
//!          000001.json    an entry: values, data sets, an artifact, a model, the end
//!          000001.data    the artifact's content, or the model's folder
//! ```

mod folder;
mod recorder;
mod writer;

pub use recorder::Recorder;

use crate::batch::Batch;
use crate::client::Client;
use crate::error::Result;
use crate::registry::ModelVersion;
use crate::run::{Run, RunStatus};
use crate::time::{Timestamp, now};
use folder::{Attachment, Entry, HEADER, Header, RunFolder, numbers, read_header};
use std::path::{Path, PathBuf};

/// A folder for runs whose store could not be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spool {
    root: PathBuf,
}

/// The folder of a run that could not be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spooled {
    /// Its folder.
    pub path: PathBuf,
    /// The store's error.
    pub reason: String,
}

impl Spool {
    /// A spool in this folder, which is created when something is kept.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The runs that wait to be sent, the oldest first.
    ///
    /// # Errors
    /// When the folder cannot be read, or holds something else.
    pub fn pending(&self) -> Result<Vec<PendingRun>> {
        if !self.root.is_dir() {
            return Ok(Vec::new());
        }
        let mut pending = Vec::new();
        for entry in fs_err::read_dir(&self.root)? {
            let path = entry?.path();
            if path.join(HEADER).is_file() {
                pending.push(PendingRun::open(path)?);
            }
        }
        pending.sort_by_key(PendingRun::start_time);
        Ok(pending)
    }
}

/// A run that waits to be sent.
#[derive(Debug)]
pub struct PendingRun {
    path: PathBuf,
    header: Header,
}

/// A run that was sent.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Sent {
    /// The run's id in its store.
    pub run_id: String,
    /// Number of entries that were sent.
    pub entries: usize,
    /// The versions of registered models that it got.
    pub versions: Vec<ModelVersion>,
}

impl PendingRun {
    fn open(path: PathBuf) -> Result<Self> {
        let header = read_header(&path)?;
        Ok(Self { path, header })
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The store that it belongs to, without credentials.
    pub fn tracking_uri(&self) -> &str {
        &self.header.tracking_uri
    }

    /// The name of its experiment.
    pub fn experiment(&self) -> &str {
        &self.header.experiment
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.header.run.name
    }

    /// Its id; none if the store could not be reached when it started.
    pub fn run_id(&self) -> Option<&str> {
        self.header.run_id.as_deref()
    }

    /// The store's error.
    pub fn reason(&self) -> &str {
        &self.header.reason
    }

    /// When it started.
    pub fn start_time(&self) -> Timestamp {
        self.header.run.start_time
    }

    /// Number of entries that wait.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn len(&self) -> Result<usize> {
        Ok(numbers(&self.path)?.len())
    }

    /// Whether nothing but the run itself waits.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Sends everything, oldest first, and removes what has arrived: after an error the rest can be
    /// sent later. A run whose process died before it ended becomes `KILLED`.
    ///
    /// # Errors
    /// [`SpoolBusy`](crate::Error::SpoolBusy) while its process still writes, or when the store
    /// fails.
    pub fn send(mut self, client: &Client) -> Result<Sent> {
        let folder = RunFolder::open(&self.path)?;
        let run = self.run(client, &folder)?;
        let mut sender = Sender {
            client,
            run: &run,
            folder: &folder,
            versions: Vec::new(),
            batch: Batch::new(),
            batched: Vec::new(),
            ended: false,
        };
        let numbers = numbers(&self.path)?;
        for &number in &numbers {
            sender.send(number)?;
        }
        sender.flush()?;
        let (versions, ended) = (sender.versions, sender.ended);
        if !ended && !client.run(&run.id)?.status.is_final() {
            client.update_run(&run.id, RunStatus::Killed, Some(now()))?;
        }
        folder.delete()?;
        Ok(Sent { run_id: run.id, entries: numbers.len(), versions })
    }

    /// The run in its store, created if the store could not be reached when it started.
    fn run(&mut self, client: &Client, folder: &RunFolder) -> Result<Run> {
        if let Some(id) = &self.header.run_id {
            return client.run(id);
        }
        let experiment = client.experiment(&self.header.experiment)?;
        let run = client.create_run(&experiment.id, &self.header.run)?;
        self.header.run_id = Some(run.id.clone());
        folder.write_header(&self.header)?;
        Ok(run)
    }
}

/// Sends entries, batches that follow each other as one.
struct Sender<'a> {
    client: &'a Client,
    run: &'a Run,
    folder: &'a RunFolder,
    versions: Vec<ModelVersion>,
    batch: Batch,
    batched: Vec<u32>,
    ended: bool,
}

impl Sender<'_> {
    fn send(&mut self, number: u32) -> Result<()> {
        let (entry, data) = self.folder.read(number)?;
        if let Entry::Batch(batch) = entry {
            if !self.batch.agrees_with(&batch) {
                self.flush()?;
            }
            self.batch.append(batch);
            self.batched.push(number);
            return Ok(());
        }
        self.flush()?;
        self.ended |= matches!(entry, Entry::End { .. });
        let sent = entry.send(self.client, self.run, &Attachment::Path(data))?;
        self.versions.extend(sent);
        self.folder.remove(number)
    }

    fn flush(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.batch);
        self.client.log_batch(&self.run.id, &batch)?;
        let mut batched = self.batched.drain(..);
        batched.try_for_each(|number| self.folder.remove(number))
    }
}
