//! Creating a database, and recognizing an existing one.

use super::database::{Database, Outcome, Sql as _};
use crate::error::{Error, Result};
use crate::time::now;
use rusqlite::Transaction;
use std::collections::HashSet;

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

/// Fills an empty database, checks any other.
pub(super) fn prepare(database: &Database, artifact_root: &str) -> Result<()> {
    if database.read("read the schema", is_empty)? {
        database.write("create the schema", |sql| {
            // Another process may have been faster.
            if is_empty(sql)? {
                create(sql, artifact_root)?;
            }
            Ok(())
        })?;
    }
    if database.read("read the schema", is_first)? {
        database.write("upgrade the schema", |sql| {
            if is_first(sql)? {
                sql.execute_batch(DATASET_TABLES)?;
                sql.change("UPDATE alembic_version SET version_num = ?1", [REVISION])?;
            }
            Ok(())
        })?;
    }
    match database.read("read the schema", find_missing)? {
        Some(missing) => Err(Error::Schema { path: database.path().to_owned(), missing }),
        None => Ok(()),
    }
}

fn is_empty(sql: &Transaction<'_>) -> Outcome<bool> {
    Ok(sql.first("SELECT 1 FROM sqlite_master", [], |_| Ok(()))?.is_none())
}

/// Whether it is a database of the first revision.
fn is_first(sql: &Transaction<'_>) -> Outcome<bool> {
    if columns(sql, "alembic_version")?.is_empty() {
        return Ok(false);
    }
    let select = "SELECT version_num FROM alembic_version";
    let stamps = sql.all(select, [], |row| row.get::<_, String>(0))?;
    Ok(stamps == [FIRST_REVISION])
}

/// Creates everything in the one transaction: a process that is killed here leaves an empty database.
fn create(sql: &Transaction<'_>, artifact_root: &str) -> Outcome<()> {
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
fn find_missing(sql: &Transaction<'_>) -> Outcome<Option<String>> {
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
pub(super) fn columns(sql: &Transaction<'_>, table: &str) -> Outcome<HashSet<String>> {
    let names = sql.all("SELECT name FROM pragma_table_info(?1)", [table], |row| row.get(0));
    Ok(names?.into_iter().collect())
}
