//! `GET /health`, `/metrics`, and what is embedded: the page at `/`, `/docs` and `/openapi.json`.

use std::sync::LazyLock;

use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue, LOCATION};
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Serialize;

use crate::asset::{Asset, PAGE, find};
use crate::endpoint::{Endpoint, Topic, get};
use crate::error::{ApiError, Code};
use crate::state::State;

/// The content type of Prometheus' text format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The content security policy: own files only, images also from the page's memory, and no framing by other pages.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static DOCS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        Asset::new("docs.html", include_str!("../../docs/docs.html")),
        Asset::new("docs.css", include_str!("../../docs/docs.css")),
        Asset::new("docs.js", include_str!("../../docs/docs.js")),
    ]
});

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
    endpoints.extend(files());
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
    let text = state.metrics.text().map_err(ApiError::internal)?;
    Ok(HttpResponse::Ok().content_type(CONTENT_TYPE).body(text))
}

/// The page and the documentation.
fn files() -> [Endpoint; 8] {
    let docs = async |request| answer(&request, &DOCS[0]);
    let style = async |request| answer(&request, &DOCS[1]);
    let script = async |request| answer(&request, &DOCS[2]);
    let icon = async |request| file(request, Path::from("favicon.svg".to_owned())).await;
    [
        get("/", page).file(&["text/html"]).about("Open the page", "The web page, for people."),
        get("/openapi.json", document)
            .file(&["application/json"])
            .about("Read this document", "OpenAPI 3.1."),
        get("/docs", docs)
            .file(&["text/html"])
            .about("Open this documentation", "A web page with this document, for people."),
        get("/docs/", without_slash).status(308, "Moved to `/docs`.").hidden(),
        get("/docs/docs.css", style).file(&["text/css"]).hidden(),
        get("/docs/docs.js", script).file(&["text/javascript"]).hidden(),
        // Browsers ask for it when they show an image or JSON.
        get("/favicon.ico", icon).file(&["image/svg+xml"]).errors(&[Code::NotFound]).hidden(),
        get("/assets/{name}", file)
            .file(&["text/css", "text/javascript", "image/svg+xml"])
            .errors(&[Code::NotFound])
            .hidden(),
    ]
}

async fn page(request: HttpRequest) -> HttpResponse {
    answer(&request, &PAGE)
}

async fn file(request: HttpRequest, name: Path<String>) -> Result<HttpResponse, ApiError> {
    find(&name)
        .map(|asset| answer(&request, asset))
        .ok_or_else(|| ApiError::new(Code::NotFound, format!("the page has no file `{name}`")))
}

async fn document(request: HttpRequest, document: Data<Asset>) -> HttpResponse {
    document.answer(&request)
}

/// The links in the documentation are relative to a path without a trailing slash.
async fn without_slash() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "../docs")).finish()
}

/// A file with the content security policy.
fn answer(request: &HttpRequest, asset: &Asset) -> HttpResponse {
    let mut response = asset.answer(request);
    let policy = HeaderValue::from_static(POLICY);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}
