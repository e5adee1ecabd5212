//! Where a run goes: its store, or the spool once the store is away.

use super::Spool;
use super::entry::{Attachment, Entry};
use super::folder::{Header, RunFolder};
use super::recorder::Spooled;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::registry::ModelVersion;
use crate::run::{NewRun, Run};
use std::sync::{Mutex, PoisonError};

/// Where a run goes.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) client: Client,
    spool: Option<Spool>,
    experiment: String,
    new: NewRun,
    /// None if the store was away when it started.
    pub(super) run: Option<Run>,
    kept: Mutex<Option<Kept>>,
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
            kept: Mutex::new(None),
        };
        match run {
            Ok(run) => target.run = Some(run),
            Err(error) => target.kept = Mutex::new(Some(target.keep(error)?)),
        }
        Ok(target)
    }

    /// Where the run lies, if something could not be sent.
    pub(super) fn spooled(&self) -> Option<Spooled> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map(|kept| Spooled {
            path: kept.folder.path().to_owned(),
            reason: kept.reason.clone(),
        })
    }

    /// Tells the store, or keeps it; a model becomes a version unless it is kept.
    pub(super) fn record(
        &self,
        entry: &Entry,
        attachment: &Attachment,
    ) -> Result<Option<ModelVersion>> {
        if entry.says_nothing() {
            return Ok(None);
        }
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
