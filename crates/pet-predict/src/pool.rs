//! A pool of sessions.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::{Error, Model, Session};

/// Lends sessions, which are created on demand up to a limit; further threads wait.
#[derive(Debug)]
pub(crate) struct Pool {
    model: Model,
    limit: usize,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Session>,
    /// Number of sessions, in use or idle.
    count: usize,
}

impl Pool {
    pub(crate) fn new(model: Model) -> Self {
        let limit = model.options().sessions.get();
        Self { model, limit, state: Mutex::default(), returned: Condvar::new() }
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    /// Maximum number of sessions.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Does some work with a session; waits while all are in use.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut lease = self.lease();
        let session = match &mut lease.session {
            Some(session) => session,
            // Created without holding the lock.
            empty => empty.insert(self.model.session()?),
        };
        work(session)
    }

    fn lease(&self) -> Lease<'_> {
        let all_in_use = |state: &mut State| state.idle.is_empty() && state.count == self.limit;
        let state = self.returned.wait_while(self.lock(), all_in_use);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let session = state.idle.pop();
        state.count += usize::from(session.is_none());
        Lease { pool: self, session }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to use a session, returned when dropped, also by a panic.
struct Lease<'a> {
    pool: &'a Pool,
    session: Option<Session>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        match self.session.take() {
            Some(session) => state.idle.push(session),
            None => state.count -= 1,
        }
        drop(state);
        self.pool.returned.notify_one();
    }
}
