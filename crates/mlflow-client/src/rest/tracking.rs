//! Experiments and runs over REST.

use super::RestStore;
use super::answer::{self, name_it};
use super::transport::Request;
use super::wire::{self, WireExperiment, WireMetric, WireRun};
use super::wire_dataset;
use crate::batch::Batch;
use crate::dataset::DatasetInput;
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::metric::Metric;
use crate::run::{NewRun, Run, RunStatus};
use crate::search::{Page, Pages, RunQuery};
use crate::store::TrackingStore;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Points of a metric that are asked for at once.
const HISTORY_PAGE: &str = "25000";

#[derive(Deserialize)]
struct Created {
    experiment_id: String,
}

#[derive(Deserialize)]
struct OneExperiment {
    experiment: WireExperiment,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Experiments {
    experiments: Vec<WireExperiment>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct OneRun {
    run: WireRun,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RunPage {
    runs: Vec<WireRun>,
    next_page_token: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct History {
    metrics: Vec<WireMetric>,
    next_page_token: Option<String>,
}

impl RestStore {
    /// Sends a request and reads the JSON that comes back.
    pub(super) fn ask<T: DeserializeOwned>(&self, request: &Request<'_>) -> Result<T> {
        let mut response = self.transport.send(request)?;
        answer::json(&mut response, &self.transport.url(request))
    }

    /// Sends a request whose answer is of no interest.
    pub(super) fn tell(&self, request: &Request<'_>) -> Result<()> {
        self.ask::<Value>(request).map(|_| ())
    }

    /// A refused parameter has no error code of its own: look which one has another value.
    fn explain_params(&self, run_id: &str, batch: &Batch, error: Error) -> Error {
        let refused =
            matches!(&error, Error::Server { code, .. } if code == "INVALID_PARAMETER_VALUE");
        if !refused || batch.params.is_empty() {
            return error;
        }
        let Ok(run) = self.run(run_id) else {
            return error;
        };
        let changed = batch.params.iter().find_map(|(key, value)| {
            let logged = run.params.get(key).filter(|logged| *logged != value)?;
            Some(Error::ParamChanged {
                run_id: run_id.to_owned(),
                key: key.clone(),
                logged: logged.clone(),
                value: value.clone(),
            })
        });
        changed.unwrap_or(error)
    }
}

/// A path below MLflow's interface.
pub(super) fn api(path: &str) -> String {
    format!("/api/2.0/mlflow/{path}")
}

impl TrackingStore for RestStore {
    fn create_experiment(&self, name: &str) -> Result<String> {
        let request = Request::post(&api("experiments/create"), json!({ "name": name })).creating();
        let created: Created = name_it(self.ask(&request), "experiment", name)?;
        Ok(created.experiment_id)
    }

    fn experiment_by_name(&self, name: &str) -> Result<Option<Experiment>> {
        let request = Request::get(&api("experiments/get-by-name")).query("experiment_name", name);
        match name_it(self.ask::<OneExperiment>(&request), "experiment", name) {
            Ok(found) => Ok(Some(found.experiment.into())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn experiments(&self) -> Result<Vec<Experiment>> {
        let pages = Pages::new(|token| {
            let mut body = json!({ "max_results": 1000, "view_type": "ACTIVE_ONLY" });
            add_token(&mut body, token);
            let request = Request::post(&api("experiments/search"), body);
            let found: Experiments = self.ask(&request)?;
            Ok(wire::page(found.experiments, found.next_page_token))
        });
        let mut all = pages.collect::<Result<Vec<Experiment>>>()?;
        all.sort_by_key(|experiment| experiment.id.parse::<u64>().unwrap_or(u64::MAX));
        Ok(all)
    }

    fn create_run(&self, experiment_id: &str, run: &NewRun) -> Result<Run> {
        let body = json!({
            "experiment_id": experiment_id,
            "run_name": run.name,
            "start_time": run.start_time,
            "user_id": run.user.as_deref().unwrap_or_default(),
            "tags": wire::pairs(&run.all_tags()),
        });
        let request = Request::post(&api("runs/create"), body).creating();
        let created: OneRun = name_it(self.ask(&request), "experiment", experiment_id)?;
        Ok(created.run.into())
    }

    fn log_batch(&self, run_id: &str, batch: &Batch) -> Result<()> {
        let body = json!({
            "run_id": run_id,
            "metrics": batch.metrics.iter().map(wire::metric).collect::<Vec<_>>(),
            "params": wire::pairs(&batch.params),
            "tags": wire::pairs(&batch.tags),
        });
        let request = Request::post(&api("runs/log-batch"), body);
        name_it(self.tell(&request), "run", run_id)
            .map_err(|error| self.explain_params(run_id, batch, error))
    }

    fn log_datasets(&self, run_id: &str, datasets: &[DatasetInput]) -> Result<()> {
        let datasets: Vec<Value> = datasets.iter().map(wire_dataset::dataset).collect();
        let body = json!({ "run_id": run_id, "datasets": datasets });
        let request = Request::post(&api("runs/log-inputs"), body);
        name_it(self.tell(&request), "run", run_id)
    }

    fn update_run(&self, run_id: &str, status: RunStatus, end_time: Option<i64>) -> Result<()> {
        let mut body = json!({ "run_id": run_id, "status": status.as_str() });
        if let Some(time) = end_time {
            body["end_time"] = json!(time);
        }
        let request = Request::post(&api("runs/update"), body);
        name_it(self.tell(&request), "run", run_id)
    }

    fn run(&self, run_id: &str) -> Result<Run> {
        let request = Request::get(&api("runs/get")).query("run_id", run_id);
        let found: OneRun = name_it(self.ask(&request), "run", run_id)?;
        Ok(found.run.into())
    }

    fn search_runs(&self, query: &RunQuery, page: Option<&str>) -> Result<Page<Run>> {
        let mut body = json!({
            "experiment_ids": query.experiment_ids,
            "filter": query.filter,
            "run_view_type": if query.deleted { "DELETED_ONLY" } else { "ACTIVE_ONLY" },
            "max_results": query.page_size,
            "order_by": query.order_by,
        });
        add_token(&mut body, page);
        let found: RunPage = self.ask(&Request::post(&api("runs/search"), body))?;
        Ok(wire::page(found.runs, found.next_page_token))
    }

    fn metric_history(&self, run_id: &str, key: &str) -> Result<Vec<Metric>> {
        let pages = Pages::new(|token| {
            let mut request = Request::get(&api("metrics/get-history"))
                .query("run_id", run_id)
                .query("metric_key", key)
                .query("max_results", HISTORY_PAGE);
            if let Some(token) = token {
                request = request.query("page_token", token);
            }
            let found: History = name_it(self.ask(&request), "run", run_id)?;
            Ok(wire::page(found.metrics, found.next_page_token))
        });
        pages.collect()
    }
}

fn add_token(body: &mut Value, token: Option<&str>) {
    if let Some(token) = token {
        body["page_token"] = json!(token);
    }
}
