//! The model that is served, and how another takes its place.

mod slot;

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use pet_model::ModelMetadata;
use pet_predict::{Error, Explainer, Explanation, Model, Options, Runtime, Session};

pub(crate) use slot::Slot;

/// A model with sessions that were made in advance.
pub(crate) struct Served {
    model: Model,
    prepared: Mutex<Vec<Session>>,
    /// Made when it is first asked for; one explanation at a time is enough.
    explainer: Mutex<Option<Explainer>>,
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
            explainer: Mutex::default(),
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

    /// Explains an answer. Another explanation is waited for.
    pub(crate) fn explain(
        &self,
        photograph: &[u8],
        class: Option<&str>,
    ) -> Result<Explanation, Error> {
        let explainer = self.explainer.lock();
        let mut explainer = explainer.unwrap_or_else(PoisonError::into_inner);
        let explainer = match &mut *explainer {
            Some(explainer) => explainer,
            empty => empty.insert(Explainer::new(&self.model)?),
        };
        explainer.explain(photograph, class)
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
