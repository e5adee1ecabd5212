//! `GET /v2`, `/v2/health/live` and `/v2/health/ready`.

use actix_web::web::{Data, Json};
use serde::Serialize;

use super::Refusal;
use crate::error::{ApiError, Code};
use crate::state::State;

#[derive(Serialize)]
pub(super) struct Server {
    name: &'static str,
    version: &'static str,
    extensions: [&'static str; 2],
}

#[derive(Serialize)]
pub(super) struct Live {
    live: bool,
}

#[derive(Serialize)]
pub(super) struct Ready {
    ready: bool,
}

/// What the service is.
pub(super) async fn metadata() -> Json<Server> {
    Json(Server {
        name: "MLOps Lab API",
        version: "1.0.0",
        extensions: ["binary_tensor_data", "classification"],
    })
}

/// The process runs.
pub(super) async fn live() -> Json<Live> {
    Json(Live { live: true })
}

/// Requests are welcome.
pub(super) async fn ready(state: Data<State>) -> Result<Json<Ready>, Refusal> {
    check_ready(&state)?;
    Ok(Json(Ready { ready: true }))
}

pub(super) fn check_ready(state: &State) -> Result<(), ApiError> {
    if state.is_ready() {
        return Ok(());
    }
    Err(ApiError::new(Code::NotReady, "the service is stopping"))
}
