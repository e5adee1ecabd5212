//! What is counted, and `GET /metrics` in Prometheus' text format.
//!
//! The queue and the workers call the methods of [`Metrics`], each with what has just happened; none
//! of them blocks. Every series is there from the start, so that a rate needs no first event: each
//! route with each of its statuses, each class of the model.
//!
//! Labels take few values, whatever clients send: a route is its pattern (`/model/files/{name}`),
//! and a path without a route is `none`.

mod process;
mod record;
mod register;
mod series;

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig};

pub(crate) use series::Metrics;

use crate::error::ApiError;
use crate::route::get;
use crate::state::State;

/// What scrapers expect of the text format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(crate) fn configure(services: &mut ServiceConfig) {
    services.service(get("/metrics", metrics));
}

async fn metrics(state: Data<State>) -> Result<HttpResponse, ApiError> {
    let text = state.metrics.text();
    let text = text.map_err(|error| ApiError::internal(&error))?;
    Ok(HttpResponse::Ok().content_type(CONTENT_TYPE).body(text))
}
