//! A SQLite file with MLflow's tables: opening, transactions, statements, and SQLite's errors as this
//! crate's.

use crate::error::{Error, Result};
use crate::time::{Timestamp, now};
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{
    Connection, ErrorCode, OptionalExtension as _, Params, Row, Transaction, TransactionBehavior,
};
use std::collections::{BTreeMap, HashSet};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The frozen schema. Never change it: MLflow migrates from exactly this state. The first databases
/// of this crate ended with the first revision; the second, which MLflow added eight days later,
/// has the data sets.
const TABLES: &str = include_str!("schema_3500859a5d39.sql");
const FIRST_REVISION: &str = "3500859a5d39";
const DATASET_TABLES: &str = include_str!("schema_7f2a7d5fae7d.sql");
const REVISION: &str = "7f2a7d5fae7d";

/// The columns that this crate reads or writes, each line behind the name of its table.
const NEEDED: &str = "\
experiments experiment_id name artifact_location lifecycle_stage creation_time last_update_time
experiment_tags key value experiment_id
runs run_uuid name source_type source_name entry_point_name user_id status start_time end_time \
    source_version lifecycle_stage artifact_uri experiment_id
tags key value run_uuid
params key value run_uuid
metrics key value timestamp run_uuid step is_nan
latest_metrics key value timestamp run_uuid step is_nan
registered_models name creation_time last_updated_time description
registered_model_tags key value name
registered_model_aliases alias version name
model_versions name version creation_time last_updated_time description current_stage source \
    run_id status run_link
model_version_tags key value name version
datasets dataset_uuid experiment_id name digest dataset_source_type dataset_source dataset_schema \
    dataset_profile
inputs input_uuid source_type source_id destination_type destination_id
input_tags input_uuid name value";

/// What can go wrong within a transaction: an error of SQLite's, or one of this crate's.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) enum Fault {
    Sqlite(#[from] rusqlite::Error),
    Found(#[from] Error),
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
        let connection =
            opened.map_err(|error| explain(error, path, lock_timeout, "open the store"))?;
        Ok(Self { path: path.to_owned(), lock_timeout, connection: Mutex::new(connection) })
    }

    /// Fills an empty database, checks any other.
    pub(super) fn prepare(&self, artifact_root: &str) -> Result<()> {
        if self.read("read the schema", is_empty)? {
            self.write("create the schema", |sql| {
                // Another process may have been faster.
                if is_empty(sql)? {
                    create(sql, artifact_root)?;
                }
                Ok(())
            })?;
        }
        if self.read("read the schema", is_first)? {
            self.write("upgrade the schema", |sql| {
                if is_first(sql)? {
                    sql.execute_batch(DATASET_TABLES)?;
                    sql.change("UPDATE alembic_version SET version_num = ?1", [REVISION])?;
                }
                Ok(())
            })?;
        }
        match self.read("read the schema", find_missing)? {
            Some(missing) => Err(Error::Schema { path: self.path.clone(), missing }),
            None => Ok(()),
        }
    }

    /// Reads; all statements see the same state.
    pub(super) fn read<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Sql<'_>) -> Outcome<T>,
    ) -> Result<T> {
        self.transaction(TransactionBehavior::Deferred, action, work)
    }

    /// Writes all or nothing. The lock is taken at once: a transaction that first reads and then
    /// wants to write could not wait for another writer.
    pub(super) fn write<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Sql<'_>) -> Outcome<T>,
    ) -> Result<T> {
        self.transaction(TransactionBehavior::Immediate, action, work)
    }

    fn transaction<T>(
        &self,
        behavior: TransactionBehavior,
        action: &'static str,
        work: impl FnOnce(&Sql<'_>) -> Outcome<T>,
    ) -> Result<T> {
        // A panic in another thread has rolled its transaction back; the connection is still usable.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let run = || {
            let sql = Sql(connection.transaction_with_behavior(behavior)?);
            let result = work(&sql)?;
            sql.0.commit()?;
            Ok(result)
        };
        run().map_err(|fault| match fault {
            Fault::Found(error) => error,
            Fault::Sqlite(error) => explain(error, &self.path, self.lock_timeout, action),
        })
    }
}

/// A transaction, with statements that are prepared once.
pub(super) struct Sql<'a>(Transaction<'a>);

impl<'a> Deref for Sql<'a> {
    type Target = Transaction<'a>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Sql<'_> {
    /// All rows of a selection.
    pub(super) fn all<T>(
        &self,
        select: &str,
        params: impl Params,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Outcome<Vec<T>> {
        let mut statement = self.prepare_cached(select)?;
        Ok(statement.query_map(params, row)?.collect::<rusqlite::Result<_>>()?)
    }

    /// The first row of a selection, if there is one.
    pub(super) fn first<T>(
        &self,
        select: &str,
        params: impl Params,
        row: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Outcome<Option<T>> {
        Ok(self.prepare_cached(select)?.query_row(params, row).optional()?)
    }

    /// A selection of keys and values, which may be NULL.
    pub(super) fn pairs(
        &self,
        select: &str,
        params: impl Params,
    ) -> Outcome<BTreeMap<String, String>> {
        let pairs = self.all(select, params, |row| {
            Ok((row.get(0)?, row.get::<_, Option<String>>(1)?.unwrap_or_default()))
        });
        Ok(pairs?.into_iter().collect())
    }

    /// Executes a statement and returns the number of rows that changed.
    pub(super) fn change(&self, statement: &str, params: impl Params) -> Outcome<usize> {
        Ok(self.prepare_cached(statement)?.execute(params)?)
    }

    /// Updates a row, or inserts it if there is none.
    pub(super) fn set(
        &self,
        update: &str,
        insert: &str,
        params: impl Params + Copy,
    ) -> Outcome<()> {
        if self.change(update, params)? == 0 {
            self.change(insert, params)?;
        }
        Ok(())
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

fn is_empty(sql: &Sql<'_>) -> Outcome<bool> {
    Ok(sql.first("SELECT 1 FROM sqlite_master", [], |_| Ok(()))?.is_none())
}

/// Whether it is a database of the first revision.
fn is_first(sql: &Sql<'_>) -> Outcome<bool> {
    if columns(sql, "alembic_version")?.is_empty() {
        return Ok(false);
    }
    let select = "SELECT version_num FROM alembic_version";
    let stamps = sql.all(select, [], |row| row.get::<_, String>(0))?;
    Ok(stamps == [FIRST_REVISION])
}

/// Creates everything in the one transaction: a process that is killed here leaves an empty database.
fn create(sql: &Sql<'_>, artifact_root: &str) -> Outcome<()> {
    sql.execute_batch(TABLES)?;
    sql.execute_batch(DATASET_TABLES)?;
    sql.change("INSERT INTO alembic_version (version_num) VALUES (?1)", [REVISION])?;
    sql.change(
        "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, \
         creation_time, last_update_time) VALUES (0, 'Default', ?1, 'active', ?2, ?2)",
        (format!("{artifact_root}/0"), now()),
    )?;
    Ok(())
}

/// The first needed table or column that is not there.
fn find_missing(sql: &Sql<'_>) -> Outcome<Option<String>> {
    for line in NEEDED.lines() {
        let mut needed = line.split_whitespace();
        let table = needed.next().unwrap_or_default();
        let columns = columns(sql, table)?;
        if columns.is_empty() {
            return Ok(Some(format!("table `{table}`")));
        }
        if let Some(column) = needed.find(|column| !columns.contains(*column)) {
            return Ok(Some(format!("column `{column}` in table `{table}`")));
        }
    }
    Ok(None)
}

/// The names of a table's columns; none if there is no such table.
pub(super) fn columns(sql: &Sql<'_>, table: &str) -> Outcome<HashSet<String>> {
    let names = sql.all("SELECT name FROM pragma_table_info(?1)", [table], |row| row.get(0));
    Ok(names?.into_iter().collect())
}
