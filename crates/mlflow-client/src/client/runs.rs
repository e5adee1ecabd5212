//! Experiments and runs.

use super::Client;
use crate::batch::Batch;
use crate::dataset::DatasetInput;
use crate::error::{Error, Result};
use crate::experiment::{Experiment, Lifecycle};
use crate::limits::{check_experiment_name, invalid};
use crate::metric::Metric;
use crate::run::{NewRun, Run, RunStatus};
use crate::search::{Pages, RunQuery, Runs};

impl Client {
    /// The experiment of this name, made where there is none.
    ///
    /// # Errors
    /// When the name is not accepted, belongs to a deleted experiment, or the store fails.
    pub fn experiment(&self, name: &str) -> Result<Experiment> {
        check_experiment_name(name)?;
        if let Some(experiment) = self.find_experiment(name)? {
            return usable(experiment);
        }
        match self.store.create_experiment(name) {
            // Another process was faster.
            Ok(_) | Err(Error::AlreadyExists { .. }) => {}
            Err(error) => return Err(error),
        }
        let made = self.find_experiment(name)?;
        made.map_or_else(
            || {
                Err(Error::NotFound {
                    what: "experiment",
                    name: name.to_owned(),
                })
            },
            usable,
        )
    }

    /// The experiment of this name, if there is one; it may be a deleted one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn find_experiment(&self, name: &str) -> Result<Option<Experiment>> {
        self.store.experiment_by_name(name)
    }

    /// All experiments that are not deleted.
    ///
    /// # Errors
    /// When the store fails.
    pub fn experiments(&self) -> Result<Vec<Experiment>> {
        self.store.experiments()
    }

    /// Starts a run.
    ///
    /// # Errors
    /// When a tag is not accepted, there is no such experiment, or the store fails.
    pub fn create_run(&self, experiment_id: &str, run: &NewRun) -> Result<Run> {
        run.check()?;
        self.store.create_run(experiment_id, run)
    }

    /// Writes metrics, parameters and tags, in as many requests as MLflow's limits demand.
    /// Doing it again, say after an error, changes nothing.
    ///
    /// # Errors
    /// When a key or value is not accepted (then nothing is written), a parameter has another
    /// value already, there is no such run, or the store fails.
    pub fn log_batch(&self, run_id: &str, batch: &Batch) -> Result<()> {
        batch.check()?;
        batch
            .chunks()
            .iter()
            .try_for_each(|chunk| self.store.log_batch(run_id, chunk))
    }

    /// Notes the data sets that a run used. Doing it again changes nothing.
    ///
    /// # Errors
    /// When a value is too long, there is no such run, or the store fails.
    pub fn log_datasets(&self, run_id: &str, datasets: &[DatasetInput]) -> Result<()> {
        datasets.iter().try_for_each(DatasetInput::check)?;
        self.store.log_datasets(run_id, datasets)
    }

    /// Sets the status of a run; `end_time` is in milliseconds since 1970.
    ///
    /// # Errors
    /// When there is no such run, a status that ends a run comes without a time, or the store fails.
    pub fn update_run(&self, run_id: &str, status: RunStatus, end_time: Option<i64>) -> Result<()> {
        if status.is_final() && end_time.is_none() {
            let expected = "a time with a status that ends a run".to_owned();
            return Err(invalid("end time", "none", expected));
        }
        self.store.update_run(run_id, status, end_time)
    }

    /// A run with its latest metrics, parameters and tags.
    ///
    /// # Errors
    /// When there is no such run, or the store fails.
    pub fn run(&self, run_id: &str) -> Result<Run> {
        self.store.run(run_id)
    }

    /// The runs that a query finds, fetched page by page.
    pub fn search_runs(&self, query: &RunQuery) -> Runs<'_> {
        let mut query = query.clone();
        query.page_size = query.page_size.clamp(1, 50_000);
        Pages::new(move |page| self.store.search_runs(&query, page))
    }

    /// All points of one metric, by step, then time; none for a metric that was never logged.
    ///
    /// # Errors
    /// When there is no such run, or the store fails.
    pub fn metric_history(&self, run_id: &str, key: &str) -> Result<Vec<Metric>> {
        let mut history = self.store.metric_history(run_id, key)?;
        history.sort_by_key(|metric| (metric.step, metric.timestamp));
        Ok(history)
    }
}

fn usable(experiment: Experiment) -> Result<Experiment> {
    match experiment.lifecycle {
        Lifecycle::Active => Ok(experiment),
        Lifecycle::Deleted => Err(invalid(
            "experiment",
            &experiment.name,
            "one that is not deleted; restore it with `mlflow experiments restore` or take another name"
                .to_owned(),
        )),
    }
}
