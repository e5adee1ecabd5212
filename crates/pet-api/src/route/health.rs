//! `GET /health`, `/health/live` and `/health/ready`.

use actix_web::web::{Data, Json, ServiceConfig};
use serde::Serialize;

use super::get;
use crate::error::{ApiError, Code};
use crate::state::State;

pub(super) fn configure(services: &mut ServiceConfig) {
    services
        .service(get("/health", health))
        .service(get("/health/live", live))
        .service(get("/health/ready", ready));
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    service: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Status {
    status: &'static str,
}

async fn health() -> Json<Health> {
    Json(Health {
        status: "healthy",
        service: "MLOps Lab API",
        version: "1.0.0",
    })
}

/// The process runs.
async fn live() -> Json<Status> {
    Json(Status { status: "live" })
}

/// Requests are welcome: the model is loaded and the service is not stopping.
async fn ready(state: Data<State>) -> Result<Json<Status>, ApiError> {
    if state.is_ready() {
        Ok(Json(Status { status: "ready" }))
    } else {
        Err(ApiError::new(Code::NotReady, "the service is stopping"))
    }
}
