//! The store behind an MLflow server, over its REST interface.
//!
//! Empty lists and default values are left out by the server, and new fields appear with every
//! version: everything has a default, and unknown fields are ignored.

mod proxy;
mod request;
mod transport;

use crate::artifact::{ArtifactRepository, FolderArtifacts};
use crate::batch::{Batch, Metric};
use crate::config::HttpOptions;
use crate::error::{Error, Result};
use crate::json;
use crate::limits::invalid;
use crate::location::to_path;
use crate::registry::{LoggedModel, ModelVersion, NewModel, NewModelVersion, RegisteredModel};
use crate::run::{DatasetInput, Experiment, Lifecycle, NewRun, Run, RunStatus};
use crate::store::{Page, Pages, Registry, RunQuery, Store, Tracking};
use crate::time::Timestamp;
use proxy::ProxyArtifacts;
use request::Request;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use transport::Transport;

/// The store behind an MLflow server.
///
/// Nothing is sent before the first call. Idempotent requests are retried as [`HttpOptions`] say; what
/// creates a new entity is repeated only when the server cannot have seen the request.
pub(crate) struct RestStore {
    transport: Arc<Transport>,
}

impl RestStore {
    /// A client of the server at `url`, such as `http://127.0.0.1:5000`.
    pub(crate) fn new(url: &str, options: &HttpOptions) -> Result<Self> {
        Ok(Self { transport: Arc::new(Transport::new(url, options)?) })
    }

    /// A rejected parameter has no error code of its own: finds the one that has another value.
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
            let logged = run.params.get(key).filter(|logged| *logged != value)?.clone();
            let (run_id, key, value) = (run_id.to_owned(), key.clone(), value.clone());
            Some(Error::ParamChanged { run_id, key, logged, value })
        });
        changed.unwrap_or(error)
    }

    /// Links a logged model to its run, and the run's metrics to the model.
    fn attach(&self, run: &Run, model: &NewModel, id: &str) -> Result<()> {
        let outputs = json!({ "run_id": run.id, "models": [{ "model_id": id, "step": 0 }] });
        self.transport.execute(&Request::post("runs/outputs", outputs))?;
        if model.metrics.is_empty() {
            return Ok(());
        }
        let mut body = json!({ "run_id": run.id, "metrics": model.metrics });
        for metric in body["metrics"].as_array_mut().into_iter().flatten() {
            metric["model_id"] = json!(id);
        }
        self.transport.execute(&Request::post("runs/log-batch", body))
    }
}

impl Store for RestStore {
    fn version(&self) -> Result<Option<String>> {
        self.transport.fetch_text(&Request::get_path("/version").once()).map(Some)
    }

    /// Artifacts behind the server's proxy (`mlflow-artifacts:`) and local folders.
    fn artifact_repository(&self, uri: &str) -> Result<Box<dyn ArtifactRepository>> {
        if uri.starts_with("mlflow-artifacts:") {
            return Ok(Box::new(ProxyArtifacts::new(Arc::clone(&self.transport), uri)?));
        }
        Ok(Box::new(FolderArtifacts { root: to_path(uri)? }))
    }
}

impl Tracking for RestStore {
    fn create_experiment(&self, name: &str) -> Result<()> {
        let request = Request::post("experiments/create", json!({ "name": name }));
        self.transport.execute(&request.creating().about("experiment", name))
    }

    fn experiment_by_name(&self, name: &str) -> Result<Option<Experiment>> {
        let request = Request::get("experiments/get-by-name").query("experiment_name", name);
        let found = self.transport.fetch(&request.about("experiment", name), "experiment");
        match found {
            Ok(experiment) => Ok(Some(experiment)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn experiments(&self) -> Result<Vec<Experiment>> {
        let pages = Pages::new(|token| {
            let body = json!({ "max_results": 1000, "view_type": "ACTIVE_ONLY" });
            let request = Request::post("experiments/search", body).page(token);
            self.transport.fetch_page(&request, "experiments")
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
            "tags": pairs(&run.all_tags()),
        });
        let request = Request::post("runs/create", body).creating();
        let request = request.about("experiment", experiment_id);
        Ok(self.transport.fetch::<WireRun>(&request, "run")?.into())
    }

    fn log_batch(&self, run_id: &str, batch: &Batch) -> Result<()> {
        let body = json!({
            "run_id": run_id,
            "metrics": batch.metrics,
            "params": pairs(&batch.params),
            "tags": pairs(&batch.tags),
        });
        let request = Request::post("runs/log-batch", body).about("run", run_id);
        self.transport.execute(&request).map_err(|error| self.explain_params(run_id, batch, error))
    }

    fn log_datasets(&self, run_id: &str, datasets: &[DatasetInput]) -> Result<()> {
        let datasets: Vec<_> = datasets.iter().map(dataset).collect();
        let body = json!({ "run_id": run_id, "datasets": datasets });
        self.transport.execute(&Request::post("runs/log-inputs", body).about("run", run_id))
    }

    fn update_run(&self, run_id: &str, status: RunStatus, end: Option<Timestamp>) -> Result<()> {
        let mut body = json!({ "run_id": run_id, "status": status });
        if let Some(time) = end {
            body["end_time"] = json!(time);
        }
        self.transport.execute(&Request::post("runs/update", body).about("run", run_id))
    }

    fn run(&self, run_id: &str) -> Result<Run> {
        let request = Request::get("runs/get").query("run_id", run_id).about("run", run_id);
        Ok(self.transport.fetch::<WireRun>(&request, "run")?.into())
    }

    fn search_runs(&self, query: &RunQuery, page: Option<&str>) -> Result<Page<Run>> {
        let body = json!({
            "experiment_ids": query.experiment_ids,
            "filter": query.filter,
            "run_view_type": "ACTIVE_ONLY",
            "max_results": query.page_size,
            "order_by": query.order_by,
        });
        let request = Request::post("runs/search", body).page(page);
        let found: Page<WireRun> = self.transport.fetch_page(&request, "runs")?;
        Ok(Page { items: found.items.into_iter().map(Run::from).collect(), next: found.next })
    }

    fn metric_history(&self, run_id: &str, key: &str) -> Result<Vec<Metric>> {
        let pages = Pages::new(|token| {
            let request = Request::get("metrics/get-history")
                .query("run_id", run_id)
                .query("metric_key", key)
                .query("max_results", "25000")
                .page(token);
            self.transport.fetch_page(&request.about("run", run_id), "metrics")
        });
        pages.collect()
    }
}

impl Registry for RestStore {
    fn create_registered_model(
        &self,
        name: &str,
        description: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<RegisteredModel> {
        let body = json!({ "name": name, "description": description, "tags": pairs(tags) });
        let request = Request::post("registered-models/create", body).creating();
        self.transport.fetch(&request.about("model", name), "registered_model")
    }

    fn registered_model(&self, name: &str) -> Result<RegisteredModel> {
        let request = Request::get("registered-models/get").query("name", name);
        self.transport.fetch(&request.about("model", name), "registered_model")
    }

    fn registered_models(&self, page: Option<&str>) -> Result<Page<RegisteredModel>> {
        let request = Request::get("registered-models/search").query("max_results", "100");
        self.transport.fetch_page(&request.page(page), "registered_models")
    }

    fn set_registered_model_tag(&self, name: &str, key: &str, value: &str) -> Result<()> {
        let body = json!({ "name": name, "key": key, "value": value });
        let request = Request::post("registered-models/set-tag", body);
        self.transport.execute(&request.about("model", name))
    }

    fn create_model_version(&self, version: &NewModelVersion) -> Result<ModelVersion> {
        let mut body = json!({
            "name": version.name,
            "source": version.source,
            "description": version.description,
            "tags": pairs(&version.tags),
        });
        for (field, id) in [("run_id", &version.run_id), ("model_id", &version.model_id)] {
            if let Some(id) = id {
                body[field] = json!(id);
            }
        }
        let request = Request::post("model-versions/create", body).creating();
        self.transport.fetch(&request.about("model", &version.name), "model_version")
    }

    fn model_version(&self, name: &str, version: u32) -> Result<ModelVersion> {
        let request = of_version("model-versions/get", name, version);
        self.transport.fetch(&request, "model_version")
    }

    fn model_versions(&self, name: &str, page: Option<&str>) -> Result<Page<ModelVersion>> {
        let request = Request::get("model-versions/search")
            .query("filter", &format!("name={}", quoted(name)?))
            .query("max_results", "1000")
            .query("order_by", "version_number DESC");
        self.transport.fetch_page(&request.page(page), "model_versions")
    }

    fn set_version_tag(&self, name: &str, version: u32, key: &str, value: &str) -> Result<()> {
        let body =
            json!({ "name": name, "version": version.to_string(), "key": key, "value": value });
        let request = Request::post("model-versions/set-tag", body);
        self.transport.execute(&about_version(request, name, version))
    }

    fn set_alias(&self, name: &str, alias: &str, version: u32) -> Result<()> {
        let body = json!({ "name": name, "alias": alias, "version": version.to_string() });
        let request = Request::post("registered-models/alias", body);
        self.transport.execute(&about_version(request, name, version))
    }

    fn move_alias(&self, name: &str, alias: &str, from: Option<u32>, to: u32) -> Result<()> {
        self.registered_model(name)?.check_alias(alias, from)?;
        self.set_alias(name, alias, to)?;
        self.registered_model(name)?.check_alias(alias, Some(to))
    }

    fn delete_alias(&self, name: &str, alias: &str) -> Result<()> {
        let body = json!({ "name": name, "alias": alias });
        let request = Request::delete("registered-models/alias", body);
        self.transport.execute(&request.about("model", name))
    }

    fn model_version_by_alias(&self, name: &str, alias: &str) -> Result<ModelVersion> {
        let request =
            Request::get("registered-models/alias").query("name", name).query("alias", alias);
        let request = request.about("alias", &format!("{name}@{alias}"));
        self.transport.fetch(&request, "model_version")
    }

    fn download_uri(&self, name: &str, version: u32) -> Result<String> {
        let request = of_version("model-versions/get-download-uri", name, version);
        self.transport.fetch(&request, "artifact_uri")
    }

    fn create_logged_model(&self, run: &Run, model: &NewModel) -> Result<Option<LoggedModel>> {
        let body = json!({
            "experiment_id": run.experiment_id,
            "name": model.name,
            "source_run_id": run.id,
            "params": pairs(&model.params),
        });
        let request = Request::post("logged-models", body).creating().about("run", &run.id);
        let created = match self.transport.fetch::<WireLoggedModel>(&request, "model") {
            Ok(created) => created.info,
            Err(error) if is_unsupported(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        self.attach(run, model, &created.id)?;
        Ok(Some(created))
    }

    fn finish_logged_model(&self, id: &str, ready: bool) -> Result<()> {
        let status = if ready { "LOGGED_MODEL_READY" } else { "LOGGED_MODEL_UPLOAD_FAILED" };
        let body = json!({ "model_id": id, "status": status });
        let request = Request::patch(&format!("logged-models/{id}"), body);
        self.transport.execute(&request.about("logged model", id))
    }
}

/// Reads something of a version.
fn of_version(endpoint: &str, name: &str, version: u32) -> Request<'static> {
    let request = Request::get(endpoint).query("name", name);
    about_version(request.query("version", &version.to_string()), name, version)
}

fn about_version<'a>(request: Request<'a>, name: &str, version: u32) -> Request<'a> {
    request.about("model version", &format!("{name}/{version}"))
}

/// Whether the server is too old for the request: it has no such page, which is not how MLflow
/// reports a thing that does not exist.
fn is_unsupported(error: &Error) -> bool {
    let Error::Server { status, code, .. } = error else {
        return false;
    };
    let no_page =
        matches!(status, 404 | 405 | 501) && (code == "-" || code == "ENDPOINT_NOT_FOUND");
    no_page || code == "NOT_IMPLEMENTED"
}

/// A name within a filter. The language has no way to escape a quote, only two kinds of quotes.
fn quoted(name: &str) -> Result<String> {
    match (name.contains('\''), name.contains('"')) {
        (false, _) => Ok(format!("'{name}'")),
        (true, false) => Ok(format!("\"{name}\"")),
        (true, true) => {
            let expected = "one without both kinds of quotes, which a search cannot express";
            Err(invalid("model name", name, expected))
        }
    }
}

/// Pairs in the form the server expects.
fn pairs(map: &BTreeMap<String, String>) -> Value {
    map.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// A data set with its tags in the form the server expects.
fn dataset(input: &DatasetInput) -> Value {
    let mut dataset = json!(input);
    if let Some(fields) = dataset.as_object_mut() {
        fields.remove("tags");
    }
    json!({ "dataset": dataset, "tags": pairs(&input.tags) })
}

#[derive(Deserialize)]
struct WireLoggedModel {
    info: LoggedModel,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireRun {
    info: Info,
    data: Data,
    inputs: Inputs,
    outputs: Outputs,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Info {
    run_id: String,
    experiment_id: String,
    run_name: String,
    user_id: String,
    status: String,
    start_time: Option<Timestamp>,
    end_time: Option<Timestamp>,
    artifact_uri: String,
    lifecycle_stage: Lifecycle,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Data {
    metrics: Vec<Metric>,
    #[serde(deserialize_with = "json::pairs")]
    params: BTreeMap<String, String>,
    #[serde(deserialize_with = "json::pairs")]
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Inputs {
    dataset_inputs: Vec<Input>,
}

#[derive(Deserialize)]
struct Input {
    dataset: DatasetInput,
    #[serde(default, deserialize_with = "json::pairs")]
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Outputs {
    model_outputs: Vec<Output>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Output {
    model_id: String,
}

impl From<WireRun> for Run {
    fn from(WireRun { info, data, inputs, outputs }: WireRun) -> Self {
        let metrics = data.metrics.into_iter().map(|metric| (metric.key.clone(), metric));
        let datasets = inputs.dataset_inputs.into_iter();
        Self {
            id: info.run_id,
            experiment_id: info.experiment_id,
            name: info.run_name,
            user: info.user_id,
            // The default value of the field is left out.
            status: info.status.parse().unwrap_or(RunStatus::Running),
            start_time: info.start_time,
            end_time: info.end_time.filter(|time| time.as_millis() != 0),
            artifact_uri: info.artifact_uri,
            lifecycle: info.lifecycle_stage,
            metrics: metrics.collect(),
            params: data.params,
            tags: data.tags,
            datasets: datasets
                .map(|input| DatasetInput { tags: input.tags, ..input.dataset })
                .collect(),
            model_ids: outputs.model_outputs.into_iter().map(|output| output.model_id).collect(),
        }
    }
}
