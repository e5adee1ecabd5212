//! MLflow 3's logged models over REST.

use super::RestStore;
use super::answer::name_it;
use super::tracking::api;
use super::transport::Request;
use super::wire;
use crate::error::{Error, Result};
use crate::logged_model::{LoggedModel, NewLoggedModel};
use crate::store::LoggedModelStore;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct OneModel {
    model: WireLoggedModel,
}

#[derive(Deserialize)]
struct WireLoggedModel {
    info: WireInfo,
}

#[derive(Deserialize)]
struct WireInfo {
    model_id: String,
    artifact_uri: String,
}

impl LoggedModelStore for RestStore {
    fn create_logged_model(&self, model: &NewLoggedModel) -> Result<Option<LoggedModel>> {
        let body = json!({
            "experiment_id": model.experiment_id,
            "name": model.name,
            "source_run_id": model.run_id,
            "params": wire::pairs(&model.params),
        });
        let request = Request::post(&api("logged-models"), body).creating();
        let info = match self.ask::<OneModel>(&request) {
            Ok(created) => created.model.info,
            Err(error) if is_unknown_here(&error) => return Ok(None),
            error => name_it(error, "run", &model.run_id)?.model.info,
        };
        self.attach(model, &info.model_id)?;
        Ok(Some(LoggedModel {
            id: info.model_id,
            artifact_uri: info.artifact_uri,
        }))
    }

    fn finish_logged_model(&self, model_id: &str, ready: bool) -> Result<()> {
        let status = if ready {
            "LOGGED_MODEL_READY"
        } else {
            "LOGGED_MODEL_UPLOAD_FAILED"
        };
        let body = json!({ "model_id": model_id, "status": status });
        let request = Request::patch(&api(&format!("logged-models/{model_id}")), body);
        name_it(self.tell(&request), "logged model", model_id)
    }
}

impl RestStore {
    /// Shows the model with its run, and the run's figures with the model.
    fn attach(&self, model: &NewLoggedModel, model_id: &str) -> Result<()> {
        let outputs = json!({
            "run_id": model.run_id,
            "models": [{ "model_id": model_id, "step": 0 }],
        });
        self.tell(&Request::post(&api("runs/outputs"), outputs))?;
        if model.metrics.is_empty() {
            return Ok(());
        }
        let with_model = |metric| {
            let mut metric = wire::metric(metric);
            metric["model_id"] = json!(model_id);
            metric
        };
        let metrics: Vec<Value> = model.metrics.iter().map(with_model).collect();
        let body = json!({ "run_id": model.run_id, "metrics": metrics });
        self.tell(&Request::post(&api("runs/log-batch"), body))
    }
}

/// Whether the server is too old for the request: it has no such page, which is not what MLflow
/// says of a thing that does not exist.
fn is_unknown_here(error: &Error) -> bool {
    match error {
        Error::Server { status, code, .. } => {
            matches!(status, 404 | 405 | 501) && (code == "-" || code == "ENDPOINT_NOT_FOUND")
                || code == "NOT_IMPLEMENTED"
        }
        _ => false,
    }
}
