//! Data sets of runs in the database.

use super::database::Outcome;
use super::runs::{pairs, text};
use crate::dataset::DatasetInput;
use crate::id::random_id;
use rusqlite::{OptionalExtension, Row, Transaction};

/// Notes that a run used a data set; the data set itself is written once per experiment.
pub(super) fn log(
    transaction: &Transaction<'_>,
    run_id: &str,
    dataset: &DatasetInput,
) -> Outcome<()> {
    let experiment: i64 = transaction
        .prepare_cached("SELECT experiment_id FROM runs WHERE run_uuid = ?1")?
        .query_row([run_id], |row| row.get(0))?;
    let id = match find(transaction, experiment, dataset)? {
        Some(id) => id,
        None => insert(transaction, experiment, dataset)?,
    };
    let known: bool = transaction
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM inputs WHERE source_type = 'DATASET' AND source_id = ?1 \
             AND destination_type = 'RUN' AND destination_id = ?2)",
        )?
        .query_row((&id, run_id), |row| row.get(0))?;
    if known {
        return Ok(());
    }
    let input = random_id()?;
    transaction.execute(
        "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id) \
         VALUES (?1, 'DATASET', ?2, 'RUN', ?3)",
        (&input, &id, run_id),
    )?;
    for (key, value) in &dataset.tags {
        transaction.execute(
            "INSERT INTO input_tags (input_uuid, name, value) VALUES (?1, ?2, ?3)",
            (&input, key, value),
        )?;
    }
    Ok(())
}

fn find(
    transaction: &Transaction<'_>,
    experiment: i64,
    dataset: &DatasetInput,
) -> Outcome<Option<String>> {
    let id = transaction
        .prepare_cached(
            "SELECT dataset_uuid FROM datasets WHERE experiment_id = ?1 AND name = ?2 AND digest = ?3",
        )?
        .query_row((experiment, &dataset.name, &dataset.digest), |row| {
            row.get(0)
        })
        .optional()?;
    Ok(id)
}

fn insert(
    transaction: &Transaction<'_>,
    experiment: i64,
    dataset: &DatasetInput,
) -> Outcome<String> {
    let id = random_id()?;
    transaction.execute(
        "INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, \
         dataset_source, dataset_schema, dataset_profile) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        (
            &id,
            experiment,
            &dataset.name,
            &dataset.digest,
            &dataset.source_type,
            &dataset.source,
            &dataset.schema,
            &dataset.profile,
        ),
    )?;
    Ok(id)
}

/// The data sets that a run used, by name.
pub(super) fn of_run(transaction: &Transaction<'_>, run_id: &str) -> Outcome<Vec<DatasetInput>> {
    let mut statement = transaction.prepare_cached(
        "SELECT i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source, \
         d.dataset_schema, d.dataset_profile FROM inputs i \
         JOIN datasets d ON d.dataset_uuid = i.source_id \
         WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id = ?1 \
         ORDER BY d.name, d.digest",
    )?;
    let found = statement
        .query_map([run_id], from_row)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let with_tags = found.into_iter().map(|(input, mut dataset)| {
        let tags = "SELECT name, value FROM input_tags WHERE input_uuid = ?1";
        dataset.tags = pairs(transaction, tags, &input)?;
        Ok(dataset)
    });
    with_tags.collect()
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<(String, DatasetInput)> {
    let dataset = DatasetInput {
        name: row.get("name")?,
        digest: row.get("digest")?,
        source_type: text(row, "dataset_source_type")?,
        source: text(row, "dataset_source")?,
        schema: row.get("dataset_schema")?,
        profile: row.get("dataset_profile")?,
        tags: std::collections::BTreeMap::new(),
    };
    Ok((row.get("input_uuid")?, dataset))
}
