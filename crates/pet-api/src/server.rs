//! The HTTP server, with what it does for every request: IDs, spans, metrics, the access log, error responses and headers.

use std::net::TcpListener;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    Accept, CONTENT_DISPOSITION, CONTENT_TYPE, Header as _, HeaderName, HeaderValue, Quality,
    REFERRER_POLICY, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{ConnectionType, KeepAlive};
use actix_web::middleware::{DefaultHeaders, Next, from_fn};
use actix_web::web::Data;
use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer};
use tracing::Instrument as _;

use crate::access::{Access, Head, REQUEST_ID, SERVER_TIMING};
use crate::endpoint::document;
use crate::error::{ApiError, Code, PROBLEM, PROTOCOL, Problem, ProtocolErrorBody};
use crate::route;
use crate::state::State;
use crate::trace::{TRACEPARENT, TraceContext, http_span};

/// I/O threads. They do no computation, so more of them would only compete with the workers.
const IO_THREADS: usize = 2;

/// Longest time for the head of a request to arrive.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Longer than the usual 60 seconds of proxies, so that the proxy closes an idle connection first and never sends into one
/// that is being closed.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(75);

pub(crate) fn start(listener: TcpListener, state: Data<State>) -> std::io::Result<Server> {
    let grace = state.configuration.grace.as_secs();
    let head = state.configuration.request_timeout.min(HEAD_TIMEOUT);
    let document = Data::new(document(&*route::TOPICS));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .app_data(document.clone())
            .configure(route::configure)
            .wrap(cross_origin())
            .wrap(from_fn(json_errors))
            .wrap(security_headers())
            .wrap(from_fn(access))
    });
    let server = server
        .workers(IO_THREADS)
        .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
        .client_request_timeout(head)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        // A client that has closed its side counts as disconnected, and its request is dropped.
        .h1_allow_half_closed(false)
        .disable_signals()
        .shutdown_timeout(grace)
        .listen(listener)?;
    Ok(server.run())
}

/// Any origin may use the service: it has no cookies, and administrative requests need a token.
fn cross_origin() -> Cors {
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
fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((REFERRER_POLICY, "no-referrer"))
}

/// Gives a request an ID, and traces, measures, counts and logs it. While the service is stopping, the response closes the
/// connection.
async fn access<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let state = State::of(request.request())?;
    let (method, headers) = (request.method(), request.headers());
    let pattern = request.match_pattern();
    let route = pattern.as_deref().unwrap_or("none");
    let callers = headers.get_all(TRACEPARENT).map(HeaderValue::as_bytes);
    let head = Head {
        method: method.as_str(),
        path: request.path(),
        route,
        id: headers.get(REQUEST_ID).map(HeaderValue::as_bytes),
        caller: TraceContext::from_values(callers),
    };
    let access = Access::begin(&state, head, |id| http_span(method, route, id));
    let response = next.call(request).instrument(access.span.clone());
    let mut response = response.await?;
    for (name, value) in access.finish(response.status().as_u16()) {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    if !state.is_ready() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

/// Sends errors as JSON, those of the framework too, in the form that their client expects.
async fn json_errors<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut response = next.call(request).await?.map_into_boxed_body();
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        if api_error(&response).is_none() {
            response = to_api_error(response);
        }
        response = negotiate(response);
    }
    Ok(if cfg!(debug_assertions) { check_described(response) } else { response })
}

fn api_error(response: &ServiceResponse) -> Option<&ApiError> {
    response.response().error()?.as_error()
}

/// Replaces an error response of the framework.
fn to_api_error(response: ServiceResponse) -> ServiceResponse {
    let status = response.status().as_u16();
    let (request, old) = response.into_parts();
    let code = Code::ALL.into_iter().find(|code| code.status() == status);
    let detail = match code {
        Some(Code::MethodNotAllowed) => {
            format!("`{}` does not support `{}`", request.path(), request.method())
        }
        _ => format!("the request was rejected with status {status}"),
    };
    let error = ApiError::new(code.unwrap_or(Code::BadRequest), detail);
    let mut new = HttpResponse::from_error(error);
    // Such as the allowed methods, and those for other origins.
    for (name, value) in old.headers() {
        if name != CONTENT_TYPE {
            new.headers_mut().append(name.clone(), value.clone());
        }
    }
    ServiceResponse::new(request, new)
}

/// Converts an error response to problem details where the client accepts them, or to the form of the protocol.
fn negotiate(mut response: ServiceResponse) -> ServiceResponse {
    response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    let Some(error) = api_error(&response) else {
        return response;
    };
    let request = response.request();
    let accepts_problem = accepts_problem(request);
    let body = if accepts_problem {
        serde_json::to_string(&Problem::of(error))
    } else if request.match_pattern().is_some_and(|pattern| pattern.starts_with(PROTOCOL)) {
        serde_json::to_string(&ProtocolErrorBody::of(error))
    } else {
        return response;
    };
    if accepts_problem {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
    }
    response.map_body(|_, _| BoxBody::new(body.unwrap_or_default()))
}

/// Whether the client accepts problem details by name, and does not prefer plain JSON.
fn accepts_problem(request: &HttpRequest) -> bool {
    let Ok(accept) = Accept::parse(request) else {
        return false;
    };
    let quality = |name: &str| {
        let named = accept.iter().filter(|item| item.item.essence_str() == name);
        named.map(|item| item.quality).max()
    };
    quality(PROBLEM).is_some_and(|problem| {
        problem > Quality::ZERO && Some(problem) >= quality("application/json")
    })
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
