//! Experiments and runs in the database, with their metrics and data sets.

use super::LocalStore;
use super::database::{Outcome, Sql, or_default};
use super::query::Select;
use crate::batch::{Batch, Metric};
use crate::error::{Error, Result};
use crate::limits::invalid;
use crate::location::from_path;
use crate::run::{DatasetInput, Experiment, Lifecycle, NewRun, Run, RunStatus, random_id};
use crate::store::{Page, RunQuery, Tracking};
use crate::time::{Timestamp, now};
use rusqlite::Row;
use std::collections::BTreeMap;

impl Tracking for LocalStore {
    fn create_experiment(&self, name: &str) -> Result<()> {
        let root = from_path(&self.artifact_root)?;
        self.database.write("create an experiment", |sql| {
            if !experiments(sql, "name = ?1", name)?.is_empty() {
                return Err(Error::already_exists("experiment", name).into());
            }
            sql.change(
                "INSERT INTO experiments (name, artifact_location, lifecycle_stage, creation_time, \
                 last_update_time) VALUES (?1, '', 'active', ?2, ?2)",
                (name, now()),
            )?;
            let id = sql.last_insert_rowid();
            // No `meta.yaml` ever goes to that folder: MLflow would take it for its retired file store.
            let update = "UPDATE experiments SET artifact_location = ?2 WHERE experiment_id = ?1";
            sql.change(update, (id, format!("{root}/{id}"))).map(|_| ())
        })
    }

    fn experiment_by_name(&self, name: &str) -> Result<Option<Experiment>> {
        self.database
            .read("read an experiment", |sql| Ok(experiments(sql, "name = ?1", name)?.pop()))
    }

    fn experiments(&self) -> Result<Vec<Experiment>> {
        self.database
            .read("read the experiments", |sql| experiments(sql, "lifecycle_stage = ?1", "active"))
    }

    fn create_run(&self, experiment_id: &str, run: &NewRun) -> Result<Run> {
        let id = random_id()?;
        self.database.write("create a run", |sql| {
            let experiment = experiments(sql, "experiment_id = ?1", experiment_id)?.pop();
            let experiment =
                experiment.ok_or_else(|| Error::not_found("experiment", experiment_id))?;
            let root = experiment.artifact_location.trim_end_matches('/');
            let artifact_uri = format!("{root}/{id}/artifacts");
            let user = run.user.as_deref().unwrap_or_default();
            sql.change(
                "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, \
                 user_id, status, start_time, source_version, lifecycle_stage, artifact_uri, \
                 experiment_id) VALUES (?1, ?2, 'UNKNOWN', '', '', ?3, 'RUNNING', ?4, '', 'active', \
                 ?5, ?6)",
                (&id, &run.name, user, run.start_time, artifact_uri, experiment_id),
            )?;
            run.all_tags().iter().try_for_each(|(key, value)| set_tag(sql, &id, key, value))?;
            load(sql, &id)
        })
    }

    fn log_batch(&self, run_id: &str, batch: &Batch) -> Result<()> {
        self.database.write("log to a run", |sql| {
            check_active(sql, run_id)?;
            for (key, value) in &batch.params {
                log_param(sql, run_id, key, value)?;
            }
            for (key, value) in &batch.tags {
                set_tag(sql, run_id, key, value)?;
            }
            log_metrics(sql, run_id, &batch.metrics)
        })
    }

    fn log_datasets(&self, run_id: &str, datasets: &[DatasetInput]) -> Result<()> {
        self.database.write("record a run's data sets", |sql| {
            check_active(sql, run_id)?;
            datasets.iter().try_for_each(|dataset| log_dataset(sql, run_id, dataset))
        })
    }

    fn update_run(&self, run_id: &str, status: RunStatus, end: Option<Timestamp>) -> Result<()> {
        self.database.write("update a run", |sql| {
            check_active(sql, run_id)?;
            let update = "UPDATE runs SET status = ?2, end_time = ?3 WHERE run_uuid = ?1";
            sql.change(update, (run_id, status.as_str(), end)).map(|_| ())
        })
    }

    fn run(&self, run_id: &str) -> Result<Run> {
        self.database.read("read a run", |sql| load(sql, run_id))
    }

    fn search_runs(&self, query: &RunQuery, page: Option<&str>) -> Result<Page<Run>> {
        let select = Select::new(query, page)?;
        self.database.read("search for runs", |sql| {
            let page = select.run(sql)?;
            let runs = page.items.iter().map(|id| load(sql, id));
            Ok(Page { items: runs.collect::<Outcome<_>>()?, next: page.next })
        })
    }

    fn metric_history(&self, run_id: &str, key: &str) -> Result<Vec<Metric>> {
        self.database.read("read a metric", |sql| {
            lifecycle(sql, run_id)?;
            sql.all(
                "SELECT key, value, timestamp, step, is_nan FROM metrics \
                 WHERE run_uuid = ?1 AND key = ?2 ORDER BY step, timestamp, value",
                (run_id, key),
                metric_from_row,
            )
        })
    }
}

/// The experiments for which a condition on one value holds.
fn experiments(sql: &Sql<'_>, condition: &str, value: &str) -> Outcome<Vec<Experiment>> {
    let select = format!(
        "SELECT experiment_id, name, artifact_location, lifecycle_stage, creation_time \
         FROM experiments WHERE {condition} ORDER BY experiment_id"
    );
    let mut found = sql.all(&select, [value], |row| {
        Ok(Experiment {
            id: row.get::<_, i64>("experiment_id")?.to_string(),
            name: row.get("name")?,
            artifact_location: or_default(row, "artifact_location")?,
            lifecycle: lifecycle_from_row(row)?,
            creation_time: row.get("creation_time")?,
            tags: BTreeMap::new(),
        })
    })?;
    for experiment in &mut found {
        let tags = "SELECT key, value FROM experiment_tags WHERE experiment_id = ?1";
        experiment.tags = sql.pairs(tags, [&experiment.id])?;
    }
    Ok(found)
}

/// A run with everything that belongs to it.
fn load(sql: &Sql<'_>, run_id: &str) -> Outcome<Run> {
    let run = sql.first(
        "SELECT run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, \
         artifact_uri, experiment_id FROM runs WHERE run_uuid = ?1",
        [run_id],
        run_from_row,
    )?;
    let mut run = run.ok_or_else(|| Error::not_found("run", run_id))?;
    run.metrics = latest_metrics(sql, run_id)?;
    run.params = sql.pairs("SELECT key, value FROM params WHERE run_uuid = ?1", [run_id])?;
    run.tags = sql.pairs("SELECT key, value FROM tags WHERE run_uuid = ?1", [run_id])?;
    run.datasets = datasets(sql, run_id)?;
    Ok(run)
}

fn run_from_row(row: &Row<'_>) -> rusqlite::Result<Run> {
    Ok(Run {
        id: row.get("run_uuid")?,
        experiment_id: row.get::<_, i64>("experiment_id")?.to_string(),
        name: or_default(row, "name")?,
        user: or_default(row, "user_id")?,
        // The table accepts no other value.
        status: or_default::<String>(row, "status")?.parse().unwrap_or(RunStatus::Running),
        start_time: row.get("start_time")?,
        end_time: row.get("end_time")?,
        artifact_uri: or_default(row, "artifact_uri")?,
        lifecycle: lifecycle_from_row(row)?,
        metrics: BTreeMap::new(),
        params: BTreeMap::new(),
        tags: BTreeMap::new(),
        datasets: Vec::new(),
        model_ids: Vec::new(),
    })
}

fn lifecycle_from_row(row: &Row<'_>) -> rusqlite::Result<Lifecycle> {
    Ok(or_default::<String>(row, "lifecycle_stage")?.into())
}

/// Whether a run, which must exist, was deleted.
fn lifecycle(sql: &Sql<'_>, run_id: &str) -> Outcome<Lifecycle> {
    let select = "SELECT lifecycle_stage FROM runs WHERE run_uuid = ?1";
    let found = sql.first(select, [run_id], lifecycle_from_row)?;
    Ok(found.ok_or_else(|| Error::not_found("run", run_id))?)
}

fn check_active(sql: &Sql<'_>, run_id: &str) -> Outcome<()> {
    match lifecycle(sql, run_id)? {
        Lifecycle::Active => Ok(()),
        Lifecycle::Deleted => Err(invalid("run", run_id, "a run that is not deleted").into()),
    }
}

/// Writes a parameter, which may be written again with the same value only.
fn log_param(sql: &Sql<'_>, run_id: &str, key: &str, value: &str) -> Outcome<()> {
    let select = "SELECT value FROM params WHERE run_uuid = ?1 AND key = ?2";
    match sql.first(select, (run_id, key), |row| row.get::<_, String>(0))? {
        Some(logged) if logged == value => Ok(()),
        Some(logged) => {
            let (run_id, key, value) = (run_id.to_owned(), key.to_owned(), value.to_owned());
            Err(Error::ParamChanged { run_id, key, logged, value }.into())
        }
        None => {
            let insert = "INSERT INTO params (run_uuid, key, value) VALUES (?1, ?2, ?3)";
            sql.change(insert, (run_id, key, value)).map(|_| ())
        }
    }
}

fn set_tag(sql: &Sql<'_>, run_id: &str, key: &str, value: &str) -> Outcome<()> {
    sql.set(
        "UPDATE tags SET value = ?3 WHERE run_uuid = ?1 AND key = ?2",
        "INSERT INTO tags (run_uuid, key, value) VALUES (?1, ?2, ?3)",
        (run_id, key, value),
    )?;
    if key == "mlflow.runName" {
        sql.change("UPDATE runs SET name = ?2 WHERE run_uuid = ?1", (run_id, value))?;
    }
    Ok(())
}

/// Adds points to the history; a point that is there already is not added again.
fn log_metrics(sql: &Sql<'_>, run_id: &str, metrics: &[Metric]) -> Outcome<()> {
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

fn set_latest(sql: &Sql<'_>, run_id: &str, metric: &Metric) -> Outcome<()> {
    let known = sql.first(
        "SELECT key, value, timestamp, step, is_nan FROM latest_metrics \
         WHERE run_uuid = ?1 AND key = ?2",
        (run_id, &metric.key),
        metric_from_row,
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
fn latest_metrics(sql: &Sql<'_>, run_id: &str) -> Outcome<BTreeMap<String, Metric>> {
    let metrics = sql.all(
        "SELECT key, value, timestamp, step, is_nan FROM latest_metrics WHERE run_uuid = ?1",
        [run_id],
        metric_from_row,
    )?;
    Ok(metrics.into_iter().map(|metric| (metric.key.clone(), metric)).collect())
}

/// SQLite has no NaN: MLflow writes 0 and sets a flag.
fn stored(metric: &Metric) -> (f64, bool) {
    match metric.storable() {
        value if value.is_nan() => (0.0, true),
        value => (value, false),
    }
}

fn metric_from_row(row: &Row<'_>) -> rusqlite::Result<Metric> {
    let is_nan: bool = row.get("is_nan")?;
    Ok(Metric {
        key: row.get("key")?,
        value: if is_nan { f64::NAN } else { row.get("value")? },
        timestamp: or_default(row, "timestamp")?,
        step: row.get("step")?,
    })
}

/// Records that a run used a data set; the data set itself is written once per experiment.
fn log_dataset(sql: &Sql<'_>, run_id: &str, dataset: &DatasetInput) -> Outcome<()> {
    let id = dataset_id(sql, run_id, dataset)?;
    let known = sql.first(
        "SELECT 1 FROM inputs WHERE source_type = 'DATASET' AND source_id = ?1 \
         AND destination_type = 'RUN' AND destination_id = ?2",
        (&id, run_id),
        |_| Ok(()),
    )?;
    if known.is_some() {
        return Ok(());
    }
    let input = random_id()?;
    sql.change(
        "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id) \
         VALUES (?1, 'DATASET', ?2, 'RUN', ?3)",
        (&input, &id, run_id),
    )?;
    for (key, value) in &dataset.tags {
        let insert = "INSERT INTO input_tags (input_uuid, name, value) VALUES (?1, ?2, ?3)";
        sql.change(insert, (&input, key, value))?;
    }
    Ok(())
}

/// The id of a data set in the run's experiment, where it is inserted if it is not there.
fn dataset_id(sql: &Sql<'_>, run_id: &str, dataset: &DatasetInput) -> Outcome<String> {
    let DatasetInput { name, digest, source_type, source, schema, profile, .. } = dataset;
    let known = sql.first(
        "SELECT dataset_uuid FROM datasets WHERE name = ?2 AND digest = ?3 AND experiment_id = \
         (SELECT experiment_id FROM runs WHERE run_uuid = ?1)",
        (run_id, name, digest),
        |row| row.get(0),
    )?;
    if let Some(id) = known {
        return Ok(id);
    }
    let id = random_id()?;
    sql.change(
        "INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, \
         dataset_source, dataset_schema, dataset_profile) \
         SELECT ?1, experiment_id, ?3, ?4, ?5, ?6, ?7, ?8 FROM runs WHERE run_uuid = ?2",
        (&id, run_id, name, digest, source_type, source, schema, profile),
    )?;
    Ok(id)
}

/// The data sets that a run used, by name.
fn datasets(sql: &Sql<'_>, run_id: &str) -> Outcome<Vec<DatasetInput>> {
    let found = sql.all(
        "SELECT i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source, \
         d.dataset_schema, d.dataset_profile FROM inputs i \
         JOIN datasets d ON d.dataset_uuid = i.source_id \
         WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id = ?1 \
         ORDER BY d.name, d.digest",
        [run_id],
        |row| {
            let dataset = DatasetInput {
                name: row.get("name")?,
                digest: row.get("digest")?,
                source_type: or_default(row, "dataset_source_type")?,
                source: or_default(row, "dataset_source")?,
                schema: row.get("dataset_schema")?,
                profile: row.get("dataset_profile")?,
                tags: BTreeMap::new(),
            };
            Ok((row.get::<_, String>("input_uuid")?, dataset))
        },
    )?;
    let with_tags = found.into_iter().map(|(input, mut dataset)| {
        let tags = "SELECT name, value FROM input_tags WHERE input_uuid = ?1";
        dataset.tags = sql.pairs(tags, [&input])?;
        Ok(dataset)
    });
    with_tags.collect()
}
