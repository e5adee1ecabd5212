//! Making a database, and recognizing one that somebody else has made.

use super::database::{Database, Outcome};
use crate::error::{Error, Result};
use crate::time;
use rusqlite::Transaction;
use std::collections::HashSet;

/// The frozen schema. Never change it: MLflow migrates from exactly this state.
const TABLES: &str = include_str!("schema_3500859a5d39.sql");
const REVISION: &str = "3500859a5d39";

/// The columns that this crate reads or writes.
const NEEDED: [(&str, &[&str]); 12] = [
    (
        "experiments",
        &[
            "experiment_id",
            "name",
            "artifact_location",
            "lifecycle_stage",
            "creation_time",
            "last_update_time",
        ],
    ),
    ("experiment_tags", &["key", "value", "experiment_id"]),
    (
        "runs",
        &[
            "run_uuid",
            "name",
            "source_type",
            "source_name",
            "entry_point_name",
            "user_id",
            "status",
            "start_time",
            "end_time",
            "source_version",
            "lifecycle_stage",
            "artifact_uri",
            "experiment_id",
        ],
    ),
    ("tags", &["key", "value", "run_uuid"]),
    ("params", &["key", "value", "run_uuid"]),
    (
        "metrics",
        &["key", "value", "timestamp", "run_uuid", "step", "is_nan"],
    ),
    (
        "latest_metrics",
        &["key", "value", "timestamp", "run_uuid", "step", "is_nan"],
    ),
    (
        "registered_models",
        &["name", "creation_time", "last_updated_time", "description"],
    ),
    ("registered_model_tags", &["key", "value", "name"]),
    ("registered_model_aliases", &["alias", "version", "name"]),
    (
        "model_versions",
        &[
            "name",
            "version",
            "creation_time",
            "last_updated_time",
            "description",
            "current_stage",
            "source",
            "run_id",
            "status",
            "run_link",
        ],
    ),
    ("model_version_tags", &["key", "value", "name", "version"]),
];

/// Fills an empty database, checks any other.
pub(super) fn prepare(database: &Database, artifact_root: &str) -> Result<()> {
    if database.read("read the schema", is_empty)? {
        database.write("create the schema", |transaction| {
            // Another process may have been faster.
            if is_empty(transaction)? {
                create(transaction, artifact_root)?;
            }
            Ok(())
        })?;
    }
    let missing = database.read("read the schema", find_missing)?;
    missing.map_or(Ok(()), |missing| {
        Err(Error::Schema {
            path: database.path().to_owned(),
            missing,
        })
    })
}

fn is_empty(transaction: &Transaction<'_>) -> Outcome<bool> {
    let count: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    Ok(count == 0)
}

/// Makes everything in the one transaction: whoever is killed here leaves an empty database.
fn create(transaction: &Transaction<'_>, artifact_root: &str) -> Outcome<()> {
    transaction.execute_batch(TABLES)?;
    transaction.execute(
        "INSERT INTO alembic_version (version_num) VALUES (?1)",
        [REVISION],
    )?;
    let now = time::now();
    transaction.execute(
        "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, \
         creation_time, last_update_time) VALUES (0, 'Default', ?1, 'active', ?2, ?2)",
        (format!("{artifact_root}/0"), now),
    )?;
    Ok(())
}

/// The first needed table or column that is not there.
fn find_missing(transaction: &Transaction<'_>) -> Outcome<Option<String>> {
    for (table, needed) in NEEDED {
        let columns = columns(transaction, table)?;
        if columns.is_empty() {
            return Ok(Some(format!("table `{table}`")));
        }
        if let Some(column) = needed.iter().find(|column| !columns.contains(**column)) {
            return Ok(Some(format!("column `{column}` in table `{table}`")));
        }
    }
    Ok(None)
}

/// The names of a table's columns; none where there is no such table.
pub(super) fn columns(transaction: &Transaction<'_>, table: &str) -> Outcome<HashSet<String>> {
    let mut statement = transaction.prepare_cached("SELECT name FROM pragma_table_info(?1)")?;
    let names = statement.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}
