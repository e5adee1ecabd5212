//! The handlers of the Open Inference Protocol: `/v2/…`.

mod content;
mod model;
mod repository;
mod run;

use actix_web::web::{Data, Json};
use schemars::JsonSchema;
use serde::Serialize;

use crate::endpoint::{Endpoint, Topic, get, post};
use crate::error::Code;
use crate::open_inference::ProtocolError;
use crate::open_inference::metadata::{SERVER, Server};
use crate::state::State;

/// Paths of a model, with and without its version.
const MODEL_PATHS: [&str; 2] = ["/v2/models/{name}", "/v2/models/{name}/versions/{version}"];

pub(crate) fn topic() -> Topic {
    let mut endpoints = vec![
        get("/v2", server).about("Describe the service", "Name, version and extensions."),
        get("/v2/health/live", live).about("Liveness check", ""),
        get("/v2/health/ready", is_ready).errors(&[Code::NotReady]).about("Readiness check", ""),
    ];
    endpoints.extend(MODEL_PATHS.into_iter().flat_map(model_endpoints));
    endpoints.extend(repository::endpoints());
    Topic {
        name: "open inference",
        description: "The Open Inference Protocol (KServe v2), as used by Triton's clients.",
        endpoints,
    }
}

fn model_endpoints(path: &str) -> [Endpoint; 3] {
    [
        get(path, model::describe).about("Describe the model", "Inputs and outputs."),
        get(format!("{path}/ready"), model::ready)
            .errors(&[Code::NotReady])
            .about(
                "Readiness check of the model",
                "Send no requests while this fails.",
            ),
        post(format!("{path}/infer"), run::infer)
            .content_types(["application/octet-stream"])
            .errors(&[Code::BadParameter])
            .about(
                "Run the model",
                "The input `input` accepts FP32 tensors `[n, 3, 224, 224]`, or BYTES `[n]`: image files, \
                 base64-encoded in JSON. The outputs are `output` (logits), `probabilities` and `class`. If an output \
                 is requested in binary form, its data follows the JSON.",
            ),
    ]
}

/// Whether the process is running.
#[derive(Serialize, JsonSchema)]
struct Live {
    live: bool,
}

/// Whether the service accepts requests.
#[derive(Serialize, JsonSchema)]
struct Ready {
    ready: bool,
}

async fn server() -> Json<Server> {
    Json(SERVER)
}

async fn live() -> Json<Live> {
    Json(Live { live: true })
}

async fn is_ready(state: Data<State>) -> Result<Json<Ready>, ProtocolError> {
    state.check_ready()?;
    Ok(Json(Ready { ready: true }))
}
