//! The thread that writes a run, so that whoever measures does not wait for the store.

use super::entry::{Attachment, Entry};
use super::target::Target;
use crate::error::{Error, Result};
use crate::registry::ModelVersion;
use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// What came of an entry; a model became a version unless it lies in the spool.
type Outcome = Result<Option<ModelVersion>>;

/// One thing to do.
struct Work {
    entry: Entry,
    attachment: Attachment,
    /// Where somebody waits for the outcome.
    waiting: Option<Sender<Outcome>>,
}

/// The first failure that nobody has been told of yet.
type Failure = Arc<Mutex<Option<Error>>>;

/// Does what it is told, in order, on a thread of its own.
#[derive(Debug)]
pub(super) struct Writer {
    target: Arc<Target>,
    failure: Failure,
    /// None once the thread is to end.
    queue: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(target: Target) -> Result<Self> {
        let (target, failure) = (Arc::new(target), Failure::default());
        let (queue, work) = mpsc::channel();
        let (to, failed) = (Arc::clone(&target), Arc::clone(&failure));
        let thread = std::thread::Builder::new().name("mlflow-writer".to_owned());
        Ok(Self {
            target,
            failure,
            queue: Some(queue),
            thread: Some(thread.spawn(move || write(&to, &work, &failed))?),
        })
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Hands an entry over without waiting for it. Fails with what went wrong before.
    pub(super) fn record(&self, entry: Entry, attachment: Attachment) -> Result<()> {
        self.report()?;
        self.hand_over(entry, attachment, None)
    }

    /// Waits until an entry and everything before it have been sent or kept. Fails with what went
    /// wrong first.
    pub(super) fn finish(&self, entry: Entry, attachment: Attachment) -> Outcome {
        let (waiting, outcome) = mpsc::channel();
        self.hand_over(entry, attachment, Some(waiting))?;
        let outcome = outcome.recv().map_err(|_| ended())?;
        self.report()?;
        outcome
    }

    fn hand_over(
        &self,
        entry: Entry,
        attachment: Attachment,
        waiting: Option<Sender<Outcome>>,
    ) -> Result<()> {
        let work = Work {
            entry,
            attachment,
            waiting,
        };
        let queue = self.queue.as_ref().ok_or_else(ended)?;
        queue.send(work).map_err(|_| ended())
    }

    /// The failure that nobody has been told of, if there is one.
    fn report(&self) -> Result<()> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take().map_or(Ok(()), Err)
    }
}

impl Drop for Writer {
    /// Waits until everything has been sent or kept.
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

fn write(target: &Target, queue: &Receiver<Work>, failure: &Mutex<Option<Error>>) {
    let mut next = None;
    while let Some(work) = next.take().or_else(|| queue.recv().ok()) {
        let (work, following) = merged(work, queue);
        next = following;
        let outcome = target.record(&work.entry, &work.attachment);
        match (work.waiting, outcome) {
            // Who does not wait any more does not want to know.
            (Some(waiting), outcome) => drop(waiting.send(outcome)),
            (None, Ok(_)) => {}
            (None, Err(error)) => {
                let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
                failure.get_or_insert(error);
            }
        }
    }
}

/// Takes along the batches that have come in meanwhile: many epochs become one request while the
/// store is slow. Returns what comes after them as well.
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
