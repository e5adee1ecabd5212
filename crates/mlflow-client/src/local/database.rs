//! A SQLite file: opening, transactions, statements, and SQLite's errors as this crate's.

use crate::error::{Error, Result};
use crate::time::Timestamp;
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{
    Connection, ErrorCode, OptionalExtension as _, Params, Row, Transaction, TransactionBehavior,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What can go wrong within a transaction: an error of SQLite's, or one of this crate's.
#[derive(Debug)]
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
            connection.set_prepared_statement_cache_capacity(64);
            connection.pragma_update(None, "foreign_keys", true)?;
            // As MLflow does, so that LIKE means the same in both.
            connection.pragma_update(None, "case_sensitive_like", true)?;
            Ok(connection)
        });
        match opened {
            Ok(connection) => {
                Ok(Self { path: path.to_owned(), lock_timeout, connection: Mutex::new(connection) })
            }
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
        // A panic in another thread has rolled its transaction back; the connection is still usable.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
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

/// Statements that are prepared once.
pub(super) trait Sql {
    /// All rows of a selection.
    fn all<T>(
        &self,
        select: &str,
        params: impl Params,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Outcome<Vec<T>>;

    /// The first row of a selection, if there is one.
    fn first<T>(
        &self,
        select: &str,
        params: impl Params,
        row: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Outcome<Option<T>>;

    /// Executes a statement and returns the number of rows that changed.
    fn change(&self, statement: &str, params: impl Params) -> Outcome<usize>;

    /// Updates a row, or inserts it if there is none.
    fn set(&self, update: &str, insert: &str, params: impl Params + Copy) -> Outcome<()> {
        if self.change(update, params)? == 0 {
            self.change(insert, params)?;
        }
        Ok(())
    }

    /// A selection of keys and values, which may be NULL.
    fn pairs(&self, select: &str, params: impl Params) -> Outcome<BTreeMap<String, String>> {
        let pairs = self.all(select, params, |row| {
            Ok((row.get(0)?, row.get::<_, Option<String>>(1)?.unwrap_or_default()))
        });
        Ok(pairs?.into_iter().collect())
    }
}

impl Sql for Transaction<'_> {
    fn all<T>(
        &self,
        select: &str,
        params: impl Params,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Outcome<Vec<T>> {
        let mut statement = self.prepare_cached(select)?;
        Ok(statement.query_map(params, row)?.collect::<rusqlite::Result<_>>()?)
    }

    fn first<T>(
        &self,
        select: &str,
        params: impl Params,
        row: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Outcome<Option<T>> {
        Ok(self.prepare_cached(select)?.query_row(params, row).optional()?)
    }

    fn change(&self, statement: &str, params: impl Params) -> Outcome<usize> {
        Ok(self.prepare_cached(statement)?.execute(params)?)
    }
}

/// A column that may be NULL, which counts as the default.
pub(super) fn or_default<T: FromSql + Default>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    Ok(row.get::<_, Option<T>>(column)?.unwrap_or_default())
}

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_millis().into())
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(Self::from_millis)
    }
}

fn explain(error: rusqlite::Error, path: &Path, waited: Duration, action: &'static str) -> Error {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::DatabaseLocked { path, waited }
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            Error::NotADatabase { path, source: error.into() }
        }
        Some(ErrorCode::DiskFull) => Error::DatabaseFull { path, source: error.into() },
        _ => Error::Database { path, action, source: error.into() },
    }
}
