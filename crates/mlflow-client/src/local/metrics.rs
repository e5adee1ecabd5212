//! Metrics in the database: the whole history, and the latest point for searching.

use super::database::Outcome;
use crate::metric::Metric;
use rusqlite::{OptionalExtension, Row, Transaction};
use std::collections::BTreeMap;

/// Adds points to the history; a point that is there already is not added again.
pub(super) fn log(transaction: &Transaction<'_>, run_id: &str, metrics: &[Metric]) -> Outcome<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS (SELECT 1 FROM metrics WHERE key = ?1 \
         AND timestamp = ?3 AND step = ?5 AND run_uuid = ?4 AND value = ?2 AND is_nan = ?6)",
    )?;
    let mut newest: BTreeMap<&str, &Metric> = BTreeMap::new();
    for metric in metrics {
        let (value, is_nan) = stored(metric);
        insert.execute((
            &metric.key,
            value,
            metric.timestamp,
            run_id,
            metric.step,
            is_nan,
        ))?;
        newest
            .entry(&metric.key)
            .and_modify(|known| {
                if metric.is_newer_than(known) {
                    *known = metric;
                }
            })
            .or_insert(metric);
    }
    newest
        .into_values()
        .try_for_each(|metric| set_latest(transaction, run_id, metric))
}

fn set_latest(transaction: &Transaction<'_>, run_id: &str, metric: &Metric) -> Outcome<()> {
    let known = transaction
        .prepare_cached(
            "SELECT key, value, timestamp, step, is_nan FROM latest_metrics \
             WHERE run_uuid = ?1 AND key = ?2",
        )?
        .query_row((run_id, &metric.key), from_row)
        .optional()?;
    let statement = match known {
        Some(known) if !metric.is_newer_than(&known) => return Ok(()),
        Some(_) => {
            "UPDATE latest_metrics SET value = ?3, timestamp = ?4, step = ?5, is_nan = ?6 \
             WHERE run_uuid = ?1 AND key = ?2"
        }
        None => {
            "INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
        }
    };
    let (value, is_nan) = stored(metric);
    transaction.prepare_cached(statement)?.execute((
        run_id,
        &metric.key,
        value,
        metric.timestamp,
        metric.step,
        is_nan,
    ))?;
    Ok(())
}

/// The latest point of each metric of a run.
pub(super) fn latest(
    transaction: &Transaction<'_>,
    run_id: &str,
) -> Outcome<BTreeMap<String, Metric>> {
    let mut statement = transaction.prepare_cached(
        "SELECT key, value, timestamp, step, is_nan FROM latest_metrics WHERE run_uuid = ?1",
    )?;
    let metrics = statement.query_map([run_id], from_row)?;
    Ok(metrics
        .map(|metric| metric.map(|metric| (metric.key.clone(), metric)))
        .collect::<rusqlite::Result<_>>()?)
}

/// All points of one metric.
pub(super) fn history(
    transaction: &Transaction<'_>,
    run_id: &str,
    key: &str,
) -> Outcome<Vec<Metric>> {
    let mut statement = transaction.prepare_cached(
        "SELECT key, value, timestamp, step, is_nan FROM metrics \
         WHERE run_uuid = ?1 AND key = ?2 ORDER BY step, timestamp, value",
    )?;
    let metrics = statement.query_map((run_id, key), from_row)?;
    Ok(metrics.collect::<rusqlite::Result<_>>()?)
}

/// SQLite has no NaN: MLflow writes 0 and a mark.
fn stored(metric: &Metric) -> (f64, bool) {
    let value = metric.storable();
    if value.is_nan() {
        (0.0, true)
    } else {
        (value, false)
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Metric> {
    let is_nan: bool = row.get("is_nan")?;
    Ok(Metric {
        key: row.get("key")?,
        value: if is_nan { f64::NAN } else { row.get("value")? },
        timestamp: row.get::<_, Option<i64>>("timestamp")?.unwrap_or_default(),
        step: row.get("step")?,
    })
}
