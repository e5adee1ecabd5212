//! A SQLite file: opening, transactions, and SQLite's errors in our words.

use crate::error::{Error, Result};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What can go wrong within a transaction: SQLite, or something we found ourselves.
pub(super) enum Fault {
    Sqlite(rusqlite::Error),
    Found(Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Found(error)
    }
}

pub(super) type Outcome<T> = std::result::Result<T, Fault>;

/// An open SQLite file.
pub(super) struct Database {
    path: PathBuf,
    lock_timeout: Duration,
    connection: Mutex<Connection>,
}

impl Database {
    pub(super) fn open(path: &Path, lock_timeout: Duration) -> Result<Self> {
        let opened = Connection::open(path).and_then(|connection| {
            connection.busy_timeout(lock_timeout)?;
            connection.pragma_update(None, "foreign_keys", true)?;
            // As MLflow does, so that LIKE means the same in both.
            connection.pragma_update(None, "case_sensitive_like", true)?;
            Ok(connection)
        });
        match opened {
            Ok(connection) => Ok(Self {
                path: path.to_owned(),
                lock_timeout,
                connection: Mutex::new(connection),
            }),
            Err(error) => Err(explain(error, path, lock_timeout, "open the store")),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads; all statements see the same state.
    pub(super) fn read<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Outcome<T>,
    ) -> Result<T> {
        self.transaction(TransactionBehavior::Deferred, action, work)
    }

    /// Writes all or nothing. The lock is taken at once: a transaction that first reads and then
    /// wants to write could not wait for another writer.
    pub(super) fn write<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Outcome<T>,
    ) -> Result<T> {
        self.transaction(TransactionBehavior::Immediate, action, work)
    }

    fn transaction<T>(
        &self,
        behavior: TransactionBehavior,
        action: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Outcome<T>,
    ) -> Result<T> {
        // A panic elsewhere has rolled its transaction back; the connection is still good.
        let mut connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let run = || {
            let transaction = connection.transaction_with_behavior(behavior)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        run().map_err(|fault| match fault {
            Fault::Found(error) => error,
            Fault::Sqlite(error) => explain(error, &self.path, self.lock_timeout, action),
        })
    }
}

fn explain(error: rusqlite::Error, path: &Path, waited: Duration, action: &'static str) -> Error {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::DatabaseLocked { path, waited }
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Error::NotADatabase {
            path,
            source: error.into(),
        },
        Some(ErrorCode::DiskFull) => Error::DatabaseFull {
            path,
            source: error.into(),
        },
        _ => Error::Database {
            path,
            action,
            source: error.into(),
        },
    }
}
