//! What is done around every request: a name, a span, a count and a line of the log; refusals of the framework
//! in the form of our own; headers.

use std::time::Instant;

use actix_cors::Cors;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{
    ALLOW, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::{DefaultHeaders, Next};
use actix_web::web::Data;
use actix_web::{Error, HttpRequest, HttpResponse};
use tracing::Instrument as _;
use tracing::field::display;

use crate::error::{ApiError, Code};
use crate::metrics::milliseconds;
use crate::open_inference;
use crate::problem::where_wanted;
use crate::route;
use crate::route::timing::SERVER_TIMING;
use crate::state::State;
use crate::trace::{RequestTrace, TRACEPARENT, TraceContext};

/// Pages of any other host may use the service: it has no cookies, and what changes it asks for a
/// token.
pub(crate) fn cross_origin() -> Cors {
    Cors::default()
        .allow_any_origin()
        .send_wildcard()
        .allow_any_method()
        .allow_any_header()
        .expose_headers([CONTENT_DISPOSITION, RETRY_AFTER])
        .expose_headers([HEADER, TRACEPARENT].map(HeaderName::from_static))
        .expose_headers([SERVER_TIMING])
        .max_age(3600)
}

/// Browsers take answers for what they say they are, and tell nobody where they come from.
pub(crate) fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((REFERRER_POLICY, "no-referrer"))
}

/// Names, traces, times, counts and logs a request. While the service is stopping, the answer asks for the
/// connection to be closed.
pub(crate) async fn access<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut entry = Entry::of(&request);
    let state = request.app_data::<Data<State>>().cloned();
    let pattern = request.match_pattern();
    let route = pattern.as_deref().unwrap_or("none");
    let tracer = state.as_ref().and_then(|state| state.tracer());
    let trace = RequestTrace::begin(&request, route, &entry.id, tracer);
    entry.trace = trace.place();
    let in_flight = state.as_ref().map(|state| state.metrics.begun());
    let answer = next.call(request).instrument(trace.span().clone());
    let mut response = answer.await?;
    drop(in_flight);

    let status = response.status().as_u16();
    trace.answered(status);
    name(&mut response, &entry);
    if let Some(state) = state {
        state.metrics.answered(route, status, entry.begun.elapsed());
        if !state.is_ready() {
            let head = response.response_mut().head_mut();
            head.set_connection_type(ConnectionType::Close);
        }
    }
    entry.status = Some(status);
    Ok(response)
}

/// Says what the request is called, and its place in a trace.
fn name<B>(response: &mut ServiceResponse<B>, entry: &Entry) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&entry.id) {
        headers.insert(HeaderName::from_static(HEADER), id);
    }
    let place = entry.trace.map(|trace| trace.to_string());
    if let Some(Ok(place)) = place.map(HeaderValue::try_from) {
        headers.insert(HeaderName::from_static(TRACEPARENT), place);
    }
}

/// A line of the log, written when the request is over, however it ends.
struct Entry {
    id: String,
    method: String,
    path: String,
    begun: Instant,
    trace: Option<TraceContext>,
    status: Option<u16>,
}

impl Entry {
    fn of(request: &ServiceRequest) -> Self {
        Self {
            id: request_id(request),
            method: request.method().to_string(),
            path: request.path().to_owned(),
            begun: Instant::now(),
            trace: None,
            status: None,
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Self {
            id,
            method,
            path,
            begun,
            trace,
            status,
        } = self;
        let milliseconds = milliseconds(begun.elapsed());
        let trace_id = trace.map(|trace| display(format!("{:032x}", trace.trace_id)));
        match status {
            Some(status) => {
                tracing::info!(
                    request_id = id,
                    trace_id,
                    method,
                    path,
                    status,
                    milliseconds,
                    "answered"
                );
            }
            None => {
                tracing::info!(
                    request_id = id,
                    trace_id,
                    method,
                    path,
                    milliseconds,
                    "the client has gone"
                );
            }
        }
    }
}

/// The header that carries it, in the request and in the answer.
pub(crate) const HEADER: &str = "x-request-id";

/// Characters that a client's own name may have.
const LONGEST: usize = 64;

/// The client's own name for its request, if it is a decent one; else a new one.
pub(crate) fn request_id(request: &ServiceRequest) -> String {
    let given = request.headers().get(HEADER);
    let given = given.and_then(|value| value.to_str().ok());
    given
        .filter(|id| is_decent(id))
        .map_or_else(new, ToOwned::to_owned)
}

/// Nothing that could break a line of the log or be taken for something else.
fn is_decent(id: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(fits)
}

/// 64 random bits in hexadecimal; zeros where the system has no randomness.
fn new() -> String {
    format!("{:016x}", getrandom::u64().unwrap_or_default())
}

/// Turns every refusal that is not JSON yet into a row of the table.
pub(crate) async fn refusals<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut response = next.call(request).await?.map_into_boxed_body();
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        if !is_json(&response) {
            response = in_our_form(response);
        }
        response = where_wanted(response);
    }
    Ok(if cfg!(debug_assertions) {
        described(response)
    } else {
        response
    })
}

/// Breaks an answer that the document does not know, so that every test that comes upon it fails.
fn described(response: ServiceResponse) -> ServiceResponse {
    let request = response.request();
    let route = request.match_pattern().unwrap_or_default();
    let kind = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next());
    let (method, status) = (request.method(), response.status().as_u16());
    if route::is_described(method, &route, status, kind) {
        return response;
    }
    tracing::error!(%method, route, status, kind, "no endpoint describes this answer");
    let detail = format!("{status} of `{method} {route}` with `{kind:?}` is described nowhere");
    let refusal = ApiError::new(Code::Internal, detail);
    response.into_response(HttpResponse::from_error(refusal))
}

/// A refusal of the framework as a row of the table.
fn in_our_form(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let status = response.status();
    let (request, old) = response.into_parts();
    let refusal = refusal(status.as_u16(), &request);
    let mut new = if request.path().starts_with("/v2/") {
        HttpResponse::from_error(open_inference::Refusal::from(refusal))
    } else {
        HttpResponse::from_error(refusal)
    };
    if let Some(methods) = old.headers().get(ALLOW) {
        new.headers_mut().insert(ALLOW, methods.clone());
    }
    ServiceResponse::new(request, new)
}

fn is_json(response: &ServiceResponse) -> bool {
    let media_type = response.headers().get(CONTENT_TYPE);
    media_type.is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
}

fn refusal(status: u16, request: &HttpRequest) -> ApiError {
    let code = Code::ALL.into_iter().find(|code| code.status() == status);
    match code.unwrap_or(Code::BadRequest) {
        Code::MethodNotAllowed => ApiError::new(
            Code::MethodNotAllowed,
            format!("`{}` does not take `{}`", request.path(), request.method()),
        ),
        code => ApiError::new(
            code,
            format!("the request was refused with status {status}"),
        ),
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn names_differ_and_are_decent() {
        assert_ne!(new(), new());
        assert!(is_decent(&new()));
        for bad in ["", "a b", "a\"b", "ä", &"x".repeat(65)] {
            assert!(!is_decent(bad), "{bad}");
        }
    }
}
