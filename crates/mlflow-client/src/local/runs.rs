//! Experiments and runs in the database.

use super::LocalStore;
use super::database::{Fault, Outcome};
use super::{datasets, metrics, queries};
use crate::artifact::uri;
use crate::batch::Batch;
use crate::dataset::DatasetInput;
use crate::error::{Error, Result};
use crate::experiment::{Experiment, Lifecycle};
use crate::id::random_id;
use crate::limits::invalid;
use crate::metric::Metric;
use crate::run::{NewRun, Run, RunStatus};
use crate::search::{Page, RunQuery};
use crate::store::TrackingStore;
use crate::time;
use rusqlite::{OptionalExtension, Row, Transaction};
use std::collections::BTreeMap;

impl TrackingStore for LocalStore {
    fn create_experiment(&self, name: &str) -> Result<String> {
        let root = uri::from_path(&self.artifact_root)?;
        self.database.write("create an experiment", |transaction| {
            create_experiment(transaction, name, &root)
        })
    }

    fn experiment_by_name(&self, name: &str) -> Result<Option<Experiment>> {
        self.database.read("read an experiment", |transaction| {
            Ok(experiments(transaction, "name = ?1", name)?.pop())
        })
    }

    fn experiments(&self) -> Result<Vec<Experiment>> {
        self.database.read("read the experiments", |transaction| {
            experiments(transaction, "lifecycle_stage = ?1", "active")
        })
    }

    fn create_run(&self, experiment_id: &str, run: &NewRun) -> Result<Run> {
        let id = random_id()?;
        self.database.write("create a run", |transaction| {
            let experiment = experiments(transaction, "experiment_id = ?1", experiment_id)?.pop();
            let root = experiment
                .map(|found| found.artifact_location)
                .ok_or_else(|| not_found("experiment", experiment_id))?;
            let artifact_uri = format!("{}/{id}/artifacts", root.trim_end_matches('/'));
            insert_run(transaction, &id, experiment_id, &artifact_uri, run)?;
            for (key, value) in run.all_tags() {
                set_tag(transaction, &id, &key, &value)?;
            }
            load_run(transaction, &id)
        })
    }

    fn log_batch(&self, run_id: &str, batch: &Batch) -> Result<()> {
        self.database.write("log to a run", |transaction| {
            check_active(transaction, run_id)?;
            for (key, value) in &batch.params {
                log_param(transaction, run_id, key, value)?;
            }
            for (key, value) in &batch.tags {
                set_tag(transaction, run_id, key, value)?;
            }
            metrics::log(transaction, run_id, &batch.metrics)
        })
    }

    fn log_datasets(&self, run_id: &str, inputs: &[DatasetInput]) -> Result<()> {
        self.database
            .write("note a run's data sets", |transaction| {
                check_active(transaction, run_id)?;
                inputs
                    .iter()
                    .try_for_each(|dataset| datasets::log(transaction, run_id, dataset))
            })
    }

    fn update_run(&self, run_id: &str, status: RunStatus, end_time: Option<i64>) -> Result<()> {
        self.database.write("update a run", |transaction| {
            check_active(transaction, run_id)?;
            transaction.execute(
                "UPDATE runs SET status = ?2, end_time = ?3 WHERE run_uuid = ?1",
                (run_id, status.as_str(), end_time),
            )?;
            Ok(())
        })
    }

    fn run(&self, run_id: &str) -> Result<Run> {
        self.database
            .read("read a run", |transaction| load_run(transaction, run_id))
    }

    fn search_runs(&self, query: &RunQuery, page: Option<&str>) -> Result<Page<Run>> {
        let select = queries::Select::new(query, page)?;
        self.database.read("search for runs", |transaction| {
            let page = select.run(transaction)?;
            let runs = page.items.iter().map(|id| load_run(transaction, id));
            Ok(Page {
                items: runs.collect::<Outcome<_>>()?,
                next: page.next,
            })
        })
    }

    fn metric_history(&self, run_id: &str, key: &str) -> Result<Vec<Metric>> {
        self.database.read("read a metric", |transaction| {
            run_lifecycle(transaction, run_id)?;
            metrics::history(transaction, run_id, key)
        })
    }
}

fn create_experiment(transaction: &Transaction<'_>, name: &str, root: &str) -> Outcome<String> {
    if !experiments(transaction, "name = ?1", name)?.is_empty() {
        return Err(Fault::Found(Error::AlreadyExists {
            what: "experiment",
            name: name.to_owned(),
        }));
    }
    transaction.execute(
        "INSERT INTO experiments (name, artifact_location, lifecycle_stage, creation_time, \
         last_update_time) VALUES (?1, '', 'active', ?2, ?2)",
        (name, time::now()),
    )?;
    let id = transaction.last_insert_rowid();
    // No `meta.yaml` ever goes to that folder: MLflow would take it for its retired file store.
    transaction.execute(
        "UPDATE experiments SET artifact_location = ?2 WHERE experiment_id = ?1",
        (id, format!("{root}/{id}")),
    )?;
    Ok(id.to_string())
}

/// The experiments for which a condition on one value holds.
fn experiments(
    transaction: &Transaction<'_>,
    condition: &str,
    value: &str,
) -> Outcome<Vec<Experiment>> {
    let mut statement = transaction.prepare_cached(&format!(
        "SELECT experiment_id, name, artifact_location, lifecycle_stage, creation_time \
         FROM experiments WHERE {condition} ORDER BY experiment_id"
    ))?;
    let mut found = statement
        .query_map([value], |row| {
            let lifecycle: Option<String> = row.get("lifecycle_stage")?;
            Ok(Experiment {
                id: row.get::<_, i64>("experiment_id")?.to_string(),
                name: row.get("name")?,
                artifact_location: text(row, "artifact_location")?,
                lifecycle: Lifecycle::from_name(&lifecycle.unwrap_or_default()),
                creation_time: row.get("creation_time")?,
                tags: BTreeMap::new(),
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let tags = "SELECT key, value FROM experiment_tags WHERE experiment_id = ?1";
    for experiment in &mut found {
        experiment.tags = pairs(transaction, tags, &experiment.id)?;
    }
    Ok(found)
}

fn insert_run(
    transaction: &Transaction<'_>,
    id: &str,
    experiment_id: &str,
    artifact_uri: &str,
    run: &NewRun,
) -> Outcome<()> {
    transaction.execute(
        "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, \
         status, start_time, source_version, lifecycle_stage, artifact_uri, experiment_id) \
         VALUES (?1, ?2, 'UNKNOWN', '', '', ?3, 'RUNNING', ?4, '', 'active', ?5, ?6)",
        (
            id,
            &run.name,
            run.user.as_deref().unwrap_or_default(),
            run.start_time,
            artifact_uri,
            experiment_id,
        ),
    )?;
    Ok(())
}

fn load_run(transaction: &Transaction<'_>, run_id: &str) -> Outcome<Run> {
    let mut run = transaction
        .prepare_cached(
            "SELECT run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, \
             artifact_uri, experiment_id FROM runs WHERE run_uuid = ?1",
        )?
        .query_row([run_id], |row| {
            Ok(Run {
                id: row.get("run_uuid")?,
                experiment_id: row.get::<_, i64>("experiment_id")?.to_string(),
                name: text(row, "name")?,
                user: text(row, "user_id")?,
                // The table accepts no other word.
                status: text(row, "status")?.parse().unwrap_or(RunStatus::Running),
                start_time: row.get("start_time")?,
                end_time: row.get("end_time")?,
                artifact_uri: text(row, "artifact_uri")?,
                lifecycle: Lifecycle::from_name(&text(row, "lifecycle_stage")?),
                metrics: BTreeMap::new(),
                params: BTreeMap::new(),
                tags: BTreeMap::new(),
                datasets: Vec::new(),
                model_ids: Vec::new(),
            })
        })
        .optional()?
        .ok_or_else(|| not_found("run", run_id))?;
    run.metrics = metrics::latest(transaction, run_id)?;
    run.params = pairs(
        transaction,
        "SELECT key, value FROM params WHERE run_uuid = ?1",
        run_id,
    )?;
    run.tags = pairs(
        transaction,
        "SELECT key, value FROM tags WHERE run_uuid = ?1",
        run_id,
    )?;
    run.datasets = datasets::of_run(transaction, run_id)?;
    Ok(run)
}

fn run_lifecycle(transaction: &Transaction<'_>, run_id: &str) -> Outcome<Lifecycle> {
    let stage: Option<Option<String>> = transaction
        .prepare_cached("SELECT lifecycle_stage FROM runs WHERE run_uuid = ?1")?
        .query_row([run_id], |row| row.get(0))
        .optional()?;
    match stage {
        Some(stage) => Ok(Lifecycle::from_name(&stage.unwrap_or_default())),
        None => Err(not_found("run", run_id)),
    }
}

fn check_active(transaction: &Transaction<'_>, run_id: &str) -> Outcome<()> {
    if run_lifecycle(transaction, run_id)? == Lifecycle::Active {
        return Ok(());
    }
    let expected = "a run that is not deleted".to_owned();
    Err(Fault::Found(invalid("run", run_id, expected)))
}

fn log_param(transaction: &Transaction<'_>, run_id: &str, key: &str, value: &str) -> Outcome<()> {
    let logged: Option<String> = transaction
        .prepare_cached("SELECT value FROM params WHERE run_uuid = ?1 AND key = ?2")?
        .query_row((run_id, key), |row| row.get(0))
        .optional()?;
    match logged {
        Some(logged) if logged == value => Ok(()),
        Some(logged) => Err(Fault::Found(Error::ParamChanged {
            run_id: run_id.to_owned(),
            key: key.to_owned(),
            logged,
            value: value.to_owned(),
        })),
        None => {
            transaction
                .prepare_cached("INSERT INTO params (run_uuid, key, value) VALUES (?1, ?2, ?3)")?
                .execute((run_id, key, value))?;
            Ok(())
        }
    }
}

fn set_tag(transaction: &Transaction<'_>, run_id: &str, key: &str, value: &str) -> Outcome<()> {
    let changed = transaction
        .prepare_cached("UPDATE tags SET value = ?3 WHERE run_uuid = ?1 AND key = ?2")?
        .execute((run_id, key, value))?;
    if changed == 0 {
        transaction
            .prepare_cached("INSERT INTO tags (run_uuid, key, value) VALUES (?1, ?2, ?3)")?
            .execute((run_id, key, value))?;
    }
    if key == "mlflow.runName" {
        transaction.execute(
            "UPDATE runs SET name = ?2 WHERE run_uuid = ?1",
            (run_id, value),
        )?;
    }
    Ok(())
}

/// Keys and values that belong to one owner.
pub(super) fn pairs(
    transaction: &Transaction<'_>,
    select: &str,
    owner: &str,
) -> Outcome<BTreeMap<String, String>> {
    let mut statement = transaction.prepare_cached(select)?;
    let pairs = statement.query_map([owner], |row| {
        Ok((
            row.get(0)?,
            row.get::<_, Option<String>>(1)?.unwrap_or_default(),
        ))
    })?;
    Ok(pairs.collect::<rusqlite::Result<_>>()?)
}

/// A text column that may be NULL.
pub(super) fn text(row: &Row<'_>, column: &str) -> rusqlite::Result<String> {
    Ok(row.get::<_, Option<String>>(column)?.unwrap_or_default())
}

pub(super) fn not_found(what: &'static str, name: &str) -> Fault {
    Fault::Found(Error::NotFound {
        what,
        name: name.to_owned(),
    })
}
