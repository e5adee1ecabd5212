//! Versions of registered models in the database.

use super::database::Outcome;
use super::runs::{not_found, text};
use super::schema;
use crate::registry::{ModelVersion, NewModelVersion};
use crate::time;
use rusqlite::{OptionalExtension, Row, Transaction};
use std::collections::BTreeMap;

/// Deleted versions keep their row, and with it their number.
const DELETED: &str = "Deleted_Internal";

pub(super) fn create(
    transaction: &Transaction<'_>,
    version: &NewModelVersion,
) -> Outcome<ModelVersion> {
    let number: u32 = transaction.query_row(
        "SELECT coalesce(max(version), 0) + 1 FROM model_versions WHERE name = ?1",
        [&version.name],
        |row| row.get(0),
    )?;
    transaction.execute(
        "INSERT INTO model_versions (name, version, creation_time, last_updated_time, description, \
         current_stage, source, run_id, status, run_link) \
         VALUES (?1, ?2, ?3, ?3, ?4, 'None', ?5, ?6, 'READY', '')",
        (
            &version.name,
            number,
            time::now(),
            &version.description,
            &version.source,
            &version.run_id,
        ),
    )?;
    for (key, value) in &version.tags {
        set_tag(transaction, &version.name, number, key, value)?;
    }
    load(transaction, &version.name, number)
}

pub(super) fn load(
    transaction: &Transaction<'_>,
    name: &str,
    version: u32,
) -> Outcome<ModelVersion> {
    let mut found = transaction
        .prepare_cached(
            "SELECT name, version, creation_time, last_updated_time, description, source, run_id, \
             status FROM model_versions WHERE name = ?1 AND version = ?2 AND current_stage <> ?3",
        )?
        .query_row((name, version, DELETED), from_row)
        .optional()?
        .ok_or_else(|| not_found("model version", &format!("{name}/{version}")))?;
    let mut tags = transaction.prepare_cached(
        "SELECT key, value FROM model_version_tags WHERE name = ?1 AND version = ?2",
    )?;
    found.tags = tags
        .query_map((name, version), |row| {
            Ok((
                row.get(0)?,
                row.get::<_, Option<String>>(1)?.unwrap_or_default(),
            ))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut aliases = transaction.prepare_cached(
        "SELECT alias FROM registered_model_aliases WHERE name = ?1 AND version = ?2 ORDER BY alias",
    )?;
    found.aliases = aliases
        .query_map((name, version), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(found)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<ModelVersion> {
    let run_id: Option<String> = row.get("run_id")?;
    Ok(ModelVersion {
        name: row.get("name")?,
        version: row.get("version")?,
        creation_time: row
            .get::<_, Option<i64>>("creation_time")?
            .unwrap_or_default(),
        last_updated_time: row
            .get::<_, Option<i64>>("last_updated_time")?
            .unwrap_or_default(),
        description: text(row, "description")?,
        source: text(row, "source")?,
        run_id: run_id.filter(|id| !id.is_empty()),
        status: text(row, "status")?,
        tags: BTreeMap::new(),
        aliases: Vec::new(),
    })
}

/// All versions of a model, the newest first.
pub(super) fn all(transaction: &Transaction<'_>, name: &str) -> Outcome<Vec<ModelVersion>> {
    let mut statement = transaction.prepare_cached(
        "SELECT version FROM model_versions WHERE name = ?1 AND current_stage <> ?2 \
         ORDER BY version DESC",
    )?;
    let numbers = statement
        .query_map((name, DELETED), |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<u32>>>()?;
    numbers
        .into_iter()
        .map(|number| load(transaction, name, number))
        .collect()
}

pub(super) fn set_tag(
    transaction: &Transaction<'_>,
    name: &str,
    version: u32,
    key: &str,
    value: &str,
) -> Outcome<()> {
    let changed = transaction.execute(
        "UPDATE model_version_tags SET value = ?4 WHERE name = ?1 AND version = ?2 AND key = ?3",
        (name, version, key, value),
    )?;
    if changed == 0 {
        transaction.execute(
            "INSERT INTO model_version_tags (name, version, key, value) VALUES (?1, ?2, ?3, ?4)",
            (name, version, key, value),
        )?;
    }
    Ok(())
}

/// Where a version's files lie. Newer MLflow keeps the place of a model registered as
/// `models:/…` in a column that the frozen schema does not have.
pub(super) fn storage(transaction: &Transaction<'_>, name: &str, version: u32) -> Outcome<String> {
    let source = load(transaction, name, version)?.source;
    if !schema::columns(transaction, "model_versions")?.contains("storage_location") {
        return Ok(source);
    }
    let location: Option<String> = transaction.query_row(
        "SELECT storage_location FROM model_versions WHERE name = ?1 AND version = ?2",
        (name, version),
        |row| row.get(0),
    )?;
    Ok(location
        .filter(|location| !location.is_empty())
        .unwrap_or(source))
}
