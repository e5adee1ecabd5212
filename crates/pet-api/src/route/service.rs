//! `GET /health`, `/health/live`, `/health/ready` and `/metrics`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use schemars::JsonSchema;
use serde::Serialize;

use crate::endpoint::{Topic, get};
use crate::error::{ApiError, Code};
use crate::route::page;
use crate::state::State;

/// The content type of Prometheus' text format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(crate) fn topic() -> Topic {
    let mut endpoints = vec![
        get("/health", health).about("Health check", "Responds as long as the process runs."),
        get("/health/live", live).about("Liveness check", "Restart the process if this fails."),
        get("/health/ready", ready)
            .errors(&[Code::NotReady])
            .about("Readiness check", "Send no requests while this fails."),
        get("/metrics", metrics)
            .content_types(["text/plain"])
            .errors(&[Code::Internal])
            .about("Read the metrics", "In Prometheus' text format."),
    ];
    endpoints.extend(page::endpoints());
    Topic { name: "service", description: "Health, metrics and documentation.", endpoints }
}

/// The health and the version of the service.
#[derive(Serialize, JsonSchema)]
struct Health {
    status: &'static str,
    service: &'static str,
    version: &'static str,
}

/// The state of the service: `live` or `ready`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "State")]
struct Status {
    status: &'static str,
}

async fn health() -> Json<Health> {
    Json(Health { status: "healthy", service: "MLOps Lab API", version: "1.0.0" })
}

async fn live() -> Json<Status> {
    Json(Status { status: "live" })
}

async fn ready(state: Data<State>) -> Result<Json<Status>, ApiError> {
    state.check_ready()?;
    Ok(Json(Status { status: "ready" }))
}

async fn metrics(state: Data<State>) -> Result<HttpResponse, ApiError> {
    if let Some(tracer) = state.tracer() {
        state.metrics.set_spans_lost(tracer.lost());
    }
    state.models.update_metrics(&state.metrics);
    let text = state.metrics.text();
    let text = text.map_err(|error| ApiError::internal(&error))?;
    Ok(HttpResponse::Ok().content_type(CONTENT_TYPE).body(text))
}
