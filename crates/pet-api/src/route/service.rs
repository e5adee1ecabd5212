//! `GET /health`, `/health/live`, `/health/ready` and `/metrics`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, ServiceConfig};
use serde::Serialize;

use crate::error::{ApiError, Code};
use crate::route::request::get;
use crate::state::State;

/// What scrapers expect of the text format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(crate) fn configure(services: &mut ServiceConfig) {
    services
        .service(get("/health", health))
        .service(get("/health/live", live))
        .service(get("/health/ready", ready))
        .service(get("/metrics", metrics));
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

async fn metrics(state: Data<State>) -> Result<HttpResponse, ApiError> {
    if let Some(tracer) = state.tracer() {
        state.metrics.spans_lost(tracer.lost());
    }
    let text = state.metrics.text();
    let text = text.map_err(|error| ApiError::internal(&error))?;
    Ok(HttpResponse::Ok().content_type(CONTENT_TYPE).body(text))
}
