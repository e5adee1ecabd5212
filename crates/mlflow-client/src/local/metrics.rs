//! Metrics in the database: the whole history, and the latest point for searching.

use super::database::{Outcome, Sql as _, or_default};
use crate::batch::Metric;
use rusqlite::{Row, Transaction};
use std::collections::BTreeMap;

/// Adds points to the history; a point that is there already is not added again.
pub(super) fn log(sql: &Transaction<'_>, run_id: &str, metrics: &[Metric]) -> Outcome<()> {
    let mut insert = sql.prepare_cached(
        "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS (SELECT 1 FROM metrics WHERE key = ?1 \
         AND timestamp = ?3 AND step = ?5 AND run_uuid = ?4 AND value = ?2 AND is_nan = ?6)",
    )?;
    let mut newest: BTreeMap<&str, &Metric> = BTreeMap::new();
    for metric in metrics {
        let (value, is_nan) = stored(metric);
        insert.execute((&metric.key, value, metric.timestamp, run_id, metric.step, is_nan))?;
        let known = newest.entry(&metric.key).or_insert(metric);
        if metric.is_newer_than(known) {
            *known = metric;
        }
    }
    newest.into_values().try_for_each(|metric| set_latest(sql, run_id, metric))
}

fn set_latest(sql: &Transaction<'_>, run_id: &str, metric: &Metric) -> Outcome<()> {
    let known = sql.first(
        "SELECT key, value, timestamp, step, is_nan FROM latest_metrics \
         WHERE run_uuid = ?1 AND key = ?2",
        (run_id, &metric.key),
        from_row,
    )?;
    if known.is_some_and(|known| !metric.is_newer_than(&known)) {
        return Ok(());
    }
    let (value, is_nan) = stored(metric);
    sql.set(
        "UPDATE latest_metrics SET value = ?3, timestamp = ?4, step = ?5, is_nan = ?6 \
         WHERE run_uuid = ?1 AND key = ?2",
        "INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (run_id, &metric.key, value, metric.timestamp, metric.step, is_nan),
    )
}

/// The latest point of each metric of a run.
pub(super) fn latest(sql: &Transaction<'_>, run_id: &str) -> Outcome<BTreeMap<String, Metric>> {
    let metrics = sql.all(
        "SELECT key, value, timestamp, step, is_nan FROM latest_metrics WHERE run_uuid = ?1",
        [run_id],
        from_row,
    )?;
    Ok(metrics.into_iter().map(|metric| (metric.key.clone(), metric)).collect())
}

/// All points of one metric.
pub(super) fn history(sql: &Transaction<'_>, run_id: &str, key: &str) -> Outcome<Vec<Metric>> {
    sql.all(
        "SELECT key, value, timestamp, step, is_nan FROM metrics \
         WHERE run_uuid = ?1 AND key = ?2 ORDER BY step, timestamp, value",
        (run_id, key),
        from_row,
    )
}

/// SQLite has no NaN: MLflow writes 0 and sets a flag.
fn stored(metric: &Metric) -> (f64, bool) {
    match metric.storable() {
        value if value.is_nan() => (0.0, true),
        value => (value, false),
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Metric> {
    let is_nan: bool = row.get("is_nan")?;
    Ok(Metric {
        key: row.get("key")?,
        value: if is_nan { f64::NAN } else { row.get("value")? },
        timestamp: or_default(row, "timestamp")?,
        step: row.get("step")?,
    })
}
