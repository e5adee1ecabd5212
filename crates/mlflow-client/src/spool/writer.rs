//! The thread that writes a run, so that the program does not wait for the store.

use super::folder::{Attachment, Entry, Header, RunFolder};
use super::{Spool, Spooled};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::registry::ModelVersion;
use crate::run::{NewRun, Run};
use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Where a run goes: to its store, or to the spool from the first failure of the store.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) client: Client,
    spool: Option<Spool>,
    experiment: String,
    new: NewRun,
    /// None if the store could not be reached when it started.
    pub(super) run: Option<Run>,
    kept: Mutex<Option<Kept>>,
    /// The first failure that has not been reported yet.
    failure: Mutex<Option<Error>>,
}

#[derive(Debug)]
struct Kept {
    folder: RunFolder,
    reason: String,
}

impl Target {
    /// A run that was started, or could not be.
    pub(super) fn new(
        client: &Client,
        spool: Option<&Spool>,
        experiment: &str,
        new: NewRun,
        run: Result<Run>,
    ) -> Result<Self> {
        let mut target = Self {
            client: client.clone(),
            spool: spool.cloned(),
            experiment: experiment.to_owned(),
            new,
            run: None,
            kept: Mutex::default(),
            failure: Mutex::default(),
        };
        match run {
            Ok(run) => target.run = Some(run),
            Err(error) => target.kept = Mutex::new(Some(target.keep(error)?)),
        }
        Ok(target)
    }

    /// The folder of the run, if something could not be sent.
    pub(super) fn spooled(&self) -> Option<Spooled> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map(|kept| Spooled {
            path: kept.folder.path().to_owned(),
            reason: kept.reason.clone(),
        })
    }

    /// Sends an entry to the store, or keeps it; a model becomes a version unless it is kept.
    fn record(&self, entry: &Entry, attachment: &Attachment) -> Result<Option<ModelVersion>> {
        if matches!(entry, Entry::Batch(batch) if batch.is_empty()) {
            return Ok(None);
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let (None, Some(run)) = (&*kept, &self.run) {
            match entry.send(&self.client, run, attachment) {
                Err(error) => *kept = Some(self.keep(error)?),
                sent => return sent,
            }
        }
        if let Some(kept) = &mut *kept {
            kept.folder.append(entry, attachment)?;
        }
        Ok(None)
    }

    /// Opens a folder in the spool for this run after a transient error; returns any other error.
    fn keep(&self, error: Error) -> Result<Kept> {
        let Some(spool) = self.spool.as_ref().filter(|_| error.is_transient()) else {
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
        Ok(Kept { folder: RunFolder::create(spool.root(), &header)?, reason })
    }
}

/// The result of an entry; a model became a version unless it went to the spool.
type Outcome = Result<Option<ModelVersion>>;

/// An entry in the queue.
struct Work {
    entry: Entry,
    attachment: Attachment,
    /// Where a caller waits for the outcome.
    waiting: Option<Sender<Outcome>>,
}

/// Writes entries in order, on a thread of its own.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) target: Arc<Target>,
    /// None once the thread is to end.
    queue: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(target: Target) -> Result<Self> {
        let target = Arc::new(target);
        let (queue, work) = mpsc::channel();
        let to = Arc::clone(&target);
        let thread = std::thread::Builder::new().name("mlflow-writer".to_owned());
        let thread = thread.spawn(move || write(&to, &work))?;
        Ok(Self { target, queue: Some(queue), thread: Some(thread) })
    }

    /// Enqueues an entry without waiting for it. Fails with an earlier failure.
    pub(super) fn record(&self, entry: Entry, attachment: Attachment) -> Result<()> {
        self.report()?;
        self.enqueue(entry, attachment, None)
    }

    /// Waits until an entry and everything before it have been sent or spooled. Fails with the first
    /// failure.
    pub(super) fn finish(&self, entry: Entry, attachment: Attachment) -> Outcome {
        let (waiting, outcome) = mpsc::channel();
        self.enqueue(entry, attachment, Some(waiting))?;
        let outcome = outcome.recv().map_err(|_| ended())?;
        self.report()?;
        outcome
    }

    /// Enqueues an entry, whatever happened to earlier ones.
    pub(super) fn enqueue(
        &self,
        entry: Entry,
        attachment: Attachment,
        waiting: Option<Sender<Outcome>>,
    ) -> Result<()> {
        let queue = self.queue.as_ref().ok_or_else(ended)?;
        let work = Work { entry, attachment, waiting };
        queue.send(work).map_err(|_| ended())
    }

    /// The failure that has not been reported, if there is one.
    fn report(&self) -> Result<()> {
        let mut failure = self.target.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take().map_or(Ok(()), Err)
    }
}

impl Drop for Writer {
    /// Waits until everything has been sent or spooled.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && let Err(panic) = thread.join()
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

/// Only a panic ends the thread early; it comes out when the writer is dropped.
fn ended() -> Error {
    io::Error::other("the thread that writes the run has ended").into()
}

fn write(target: &Target, queue: &Receiver<Work>) {
    let mut next = None;
    while let Some(work) = next.take().or_else(|| queue.recv().ok()) {
        let (work, following) = merged(work, queue);
        next = following;
        let outcome = target.record(&work.entry, &work.attachment);
        match (work.waiting, outcome) {
            // The caller may have stopped waiting.
            (Some(waiting), outcome) => drop(waiting.send(outcome)),
            (None, Ok(_)) => {}
            (None, Err(error)) => {
                let mut failure = target.failure.lock().unwrap_or_else(PoisonError::into_inner);
                failure.get_or_insert(error);
            }
        }
    }
}

/// Merges a batch with those waiting behind it, so that a slow store gets many epochs as one request.
/// Also returns the first entry that could not be merged.
fn merged(mut work: Work, queue: &Receiver<Work>) -> (Work, Option<Work>) {
    while let (Entry::Batch(batch), None) = (&mut work.entry, &work.waiting) {
        let Ok(mut following) = queue.try_recv() else {
            break;
        };
        match &mut following.entry {
            Entry::Batch(more) if batch.agrees_with(more) => batch.append(std::mem::take(more)),
            _ => return (work, Some(following)),
        }
        work.waiting = following.waiting;
    }
    (work, None)
}
