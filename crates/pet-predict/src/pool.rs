//! Sessions shared by threads.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::{Error, Model, Session};

/// Lends sessions, makes them when they are first needed, and lets threads wait beyond the limit.
#[derive(Debug)]
pub(crate) struct Pool {
    model: Model,
    limit: usize,
    state: Mutex<State>,
    given_back: Condvar,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Session>,
    /// Places for sessions that are taken or idle.
    places: usize,
}

impl Pool {
    pub(crate) fn new(model: Model) -> Self {
        let limit = model.options().sessions.get();
        Self {
            model,
            limit,
            state: Mutex::default(),
            given_back: Condvar::new(),
        }
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    /// Sessions that can work at the same time.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Does some work with a session; waits for one while all are at work.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut place = self.take();
        let session = match &mut place.session {
            Some(session) => session,
            // Made outside of the lock: the others go on with the sessions that there are.
            empty => empty.insert(self.model.session()?),
        };
        work(session)
    }

    fn take(&self) -> Place<'_> {
        let all_taken = |state: &mut State| state.idle.is_empty() && state.places == self.limit;
        let state = self.given_back.wait_while(self.lock(), all_taken);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let session = state.idle.pop();
        state.places += usize::from(session.is_none());
        Place {
            pool: self,
            session,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to work with a session, given back when dropped, also by a panic.
struct Place<'a> {
    pool: &'a Pool,
    session: Option<Session>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        match self.session.take() {
            Some(session) => state.idle.push(session),
            None => state.places -= 1,
        }
        drop(state);
        self.pool.given_back.notify_one();
    }
}
