//! Middleware: request IDs, spans, metrics, the access log, error responses and headers.

use actix_cors::Cors;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{
    CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::{DefaultHeaders, Next};
use actix_web::web::Data;
use actix_web::{Error, HttpRequest, HttpResponse};
use tracing::Instrument as _;

use crate::access_log::{LogEntry, REQUEST_ID, request_id};
use crate::error::{ApiError, Code};
use crate::open_inference;
use crate::problem::negotiate;
use crate::route;
use crate::route::timing::SERVER_TIMING;
use crate::state::State;
use crate::trace::{RequestTrace, TRACEPARENT, http_span};

/// Any origin may use the service: it has no cookies, and administrative requests need a token.
pub(crate) fn cross_origin() -> Cors {
    Cors::default()
        .allow_any_origin()
        .send_wildcard()
        .allow_any_method()
        .allow_any_header()
        .expose_headers([CONTENT_DISPOSITION, RETRY_AFTER])
        .expose_headers([REQUEST_ID, TRACEPARENT].map(HeaderName::from_static))
        .expose_headers([SERVER_TIMING])
        .max_age(3600)
}

/// Browsers do not guess content types, and send no referrer.
pub(crate) fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((REFERRER_POLICY, "no-referrer"))
}

/// Gives a request an ID, and traces, measures, counts and logs it. While the service is stopping, the response closes the
/// connection.
pub(crate) async fn access<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let id = request_id(request.headers().get(REQUEST_ID).map(HeaderValue::as_bytes));
    let mut entry = LogEntry::new(id, request.method().as_str(), request.path());
    let state = request.app_data::<Data<State>>().cloned();
    let pattern = request.match_pattern();
    let route = pattern.as_deref().unwrap_or("none");
    let tracer = state.as_ref().and_then(|state| state.tracer());
    let span = || http_span(request.method(), route, &entry.id);
    let callers = request.headers().get_all(TRACEPARENT);
    let trace = RequestTrace::begin(callers.map(HeaderValue::as_bytes), route, tracer, span);
    entry.trace = trace.context();
    let in_flight = state.as_ref().map(|state| state.metrics.request_started());
    let response = next.call(request).instrument(trace.span().clone());
    let mut response = response.await?;
    drop(in_flight);

    let status = response.status().as_u16();
    trace.record_status(status);
    add_headers(&mut response, &entry);
    if let Some(state) = state {
        state.metrics.request_finished(route, status, entry.started.elapsed());
        if !state.is_ready() {
            let head = response.response_mut().head_mut();
            head.set_connection_type(ConnectionType::Close);
        }
    }
    entry.status = Some(status);
    Ok(response)
}

/// Adds the headers with the request ID and the trace context.
fn add_headers<B>(response: &mut ServiceResponse<B>, entry: &LogEntry) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&entry.id) {
        headers.insert(HeaderName::from_static(REQUEST_ID), id);
    }
    let context = entry.trace.map(|trace| trace.to_string());
    if let Some(Ok(context)) = context.map(HeaderValue::try_from) {
        headers.insert(HeaderName::from_static(TRACEPARENT), context);
    }
}

/// Converts the error responses of the framework to JSON, and negotiates their form.
pub(crate) async fn json_errors<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut response = next.call(request).await?.map_into_boxed_body();
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        if !is_json(&response) {
            response = to_json_error(response);
        }
        response = negotiate(response);
    }
    Ok(if cfg!(debug_assertions) { check_described(response) } else { response })
}

/// Replaces a response that is not in the `OpenAPI` document by an error, so that tests notice it.
fn check_described(response: ServiceResponse) -> ServiceResponse {
    let request = response.request();
    let route = request.match_pattern().unwrap_or_default();
    let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|value| value.split(';').next());
    let (method, status) = (request.method(), response.status().as_u16());
    if route::is_described(method, &route, status, media_type) {
        return response;
    }
    tracing::error!(%method, route, status, media_type, "no endpoint documents this response");
    let detail = format!("{status} of `{method} {route}` with `{media_type:?}` is not documented");
    let error = ApiError::new(Code::Internal, detail);
    response.into_response(HttpResponse::from_error(error))
}

fn to_json_error(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let status = response.status();
    let (request, old) = response.into_parts();
    let error = error_for_status(status.as_u16(), &request);
    let mut new = if request.path().starts_with("/v2/") {
        HttpResponse::from_error(open_inference::ProtocolError::from(error))
    } else {
        HttpResponse::from_error(error)
    };
    // Such as the allowed methods, and those for other origins.
    for (name, value) in old.headers() {
        if name != CONTENT_TYPE {
            new.headers_mut().append(name.clone(), value.clone());
        }
    }
    ServiceResponse::new(request, new)
}

fn is_json(response: &ServiceResponse) -> bool {
    let media_type = response.headers().get(CONTENT_TYPE);
    media_type.is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
}

fn error_for_status(status: u16, request: &HttpRequest) -> ApiError {
    let code = Code::ALL.into_iter().find(|code| code.status() == status);
    match code.unwrap_or(Code::BadRequest) {
        Code::MethodNotAllowed => ApiError::new(
            Code::MethodNotAllowed,
            format!("`{}` does not support `{}`", request.path(), request.method()),
        ),
        code => ApiError::new(code, format!("the request was rejected with status {status}")),
    }
}
