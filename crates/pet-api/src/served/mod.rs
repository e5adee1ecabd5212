//! The model that is served, and how another takes its place.

mod slot;

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use pet_model::ModelMetadata;
use pet_predict::{Error, Model, Options, Runtime, Session};

pub(crate) use slot::Slot;

/// A model with sessions that were made in advance.
pub(crate) struct Served {
    model: Model,
    prepared: Mutex<Vec<Session>>,
    since: SystemTime,
}

impl Served {
    /// Loads the model in `results` and makes `sessions` sessions in advance.
    fn load(
        runtime: &Runtime,
        results: &Path,
        options: &Options,
        sessions: usize,
    ) -> Result<Self, Error> {
        let model = Model::load(runtime, results, options)?;
        let prepared = (0..sessions).map(|_| model.session());
        Ok(Self {
            prepared: Mutex::new(prepared.collect::<Result<_, _>>()?),
            model,
            since: SystemTime::now(),
        })
    }

    /// A session: one made in advance, else a new one.
    pub(crate) fn session(&self) -> Result<Session, Error> {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        let session = prepared.pop();
        drop(prepared);
        session.map_or_else(|| self.model.session(), Ok)
    }

    /// What the model says of itself.
    pub(crate) fn metadata(&self) -> &ModelMetadata {
        self.model.metadata()
    }

    /// When it was loaded.
    pub(crate) fn since(&self) -> SystemTime {
        self.since
    }
}
