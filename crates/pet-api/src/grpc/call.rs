//! What the service does for every call: traces, measures, counts and logs it, and reads its message within the limits.

use std::convert::Infallible;

use actix_web::web::{Bytes, Data};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Request, Response};
use tonic::Status;
use tonic::codegen::Service as _;
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

use crate::access_log::{LogEntry, REQUEST_ID, request_id};
use crate::configuration::Configuration;
use crate::error::{ApiError, Code};
use crate::grpc::bounds;
use crate::grpc::deadline::deadline;
use crate::grpc::method::{Kind, Method};
use crate::grpc::proto::grpc_inference_service_server::GrpcInferenceServiceServer;
use crate::grpc::service::Service;
use crate::grpc::status::outcome;
use crate::grpc::whole::{Reserved, Whole};
use crate::memory::Body;
use crate::open_inference::error::malformed;
use crate::route::administrator::authorize;
use crate::state::State;
use crate::trace::{RequestTrace, TRACEPARENT};
use crate::upload::Deadline;

/// Bytes of a message besides a photograph of the largest size; also the limit of a message without one.
const OVERHEAD: u64 = 64 << 10;

/// Answers calls.
#[derive(Clone)]
pub(super) struct Calls {
    state: Data<State>,
    service: GrpcInferenceServiceServer<Service>,
}

impl Calls {
    pub(super) fn new(state: Data<State>) -> Self {
        let service = Service::new(state.clone());
        Self {
            state,
            // The limit applies while a message is read.
            service: GrpcInferenceServiceServer::new(service).max_decoding_message_size(usize::MAX),
        }
    }

    pub(super) fn configuration(&self) -> &Configuration {
        &self.state.configuration
    }

    /// Answers a call.
    pub(super) async fn answer(
        self,
        request: Request<Incoming>,
    ) -> Result<Response<Whole>, Infallible> {
        let state = self.state.clone();
        let (head, body) = request.into_parts();
        let id = request_id(head.headers.get(REQUEST_ID).map(HeaderValue::as_bytes));
        let mut entry = LogEntry::new(id, head.method.as_str(), head.uri.path());
        let method = Method::at(head.uri.path());
        let route = method.map_or("none", |method| method.path);
        let callers = head.headers.get_all(TRACEPARENT).into_iter();
        let callers = callers.map(HeaderValue::as_bytes);
        let span = || span(route, &entry.id);
        let trace = RequestTrace::begin(callers, route, state.tracer(), span);
        entry.trace = trace.context();
        let in_flight = state.metrics.request_started();
        let response = self.respond(method, head, body);
        let mut response = response.instrument(trace.span().clone()).await;
        drop(in_flight);

        let ended = response.body().trailers.as_ref();
        let (code, status) = outcome(ended.unwrap_or(response.headers()));
        trace.record_status(status);
        trace.span().record("rpc.grpc.status_code", code as i64);
        add_headers(response.headers_mut(), &entry);
        let took = entry.started.elapsed();
        state.metrics.request_finished(route, status, took);
        entry.status = Some(status);
        Ok(response)
    }

    async fn respond(
        self,
        method: Option<&Method>,
        head: Parts,
        body: Incoming,
    ) -> Response<Whole> {
        let response = self.try_respond(method, head, body).await;
        response.unwrap_or_else(|error| Status::from(error).into_http())
    }

    async fn try_respond(
        mut self,
        method: Option<&Method>,
        head: Parts,
        body: Incoming,
    ) -> Result<Response<Whole>, ApiError> {
        let timeout = self.state.configuration.request_timeout;
        let deadline = deadline(&head.headers, timeout)?;
        let (bytes, memory) = match method {
            Some(method) => {
                let body = self.receive(method, &head.headers, body, deadline).await?;
                body.into_parts()
            }
            // The generated service responds that it does not know this call.
            None => (Vec::new(), None),
        };
        let length = bytes.len();
        let whole = Whole { data: Some(bytes.into()), trailers: None };
        let mut request = Request::from_parts(head, whole);
        request.extensions_mut().insert(deadline);
        let Ok(response) = self.service.call(request).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await;
        let body = body.map_err(|status| ApiError::internal(&status))?;
        let trailers = body.trailers().cloned();
        let bytes = body.to_bytes();
        // The memory of the request serves the response, which is usually smaller.
        let more = bytes.len().saturating_sub(length);
        let more = self.state.memory.reserve_response(more)?;
        let reserved = Reserved { bytes, _memory: memory.into_iter().chain([more]).collect() };
        let data = (!reserved.bytes.is_empty()).then(|| Bytes::from_owner(reserved));
        Ok(Response::from_parts(head, Whole { data, trailers }))
    }

    /// Reads the body of a call. The token is checked first, and the fields of an inference request afterwards.
    async fn receive(
        &self,
        method: &Method,
        headers: &HeaderMap,
        body: Incoming,
        deadline: Deadline,
    ) -> Result<Body, ApiError> {
        let uploads = self.state.configuration.limits.bytes;
        let uploads = uploads.saturating_add(OVERHEAD);
        let uploads = uploads.min(self.state.memory.capacity() as u64);
        let limit = match method.kind {
            Kind::Question => OVERHEAD,
            Kind::Inference => uploads,
            Kind::Administration => {
                let token = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
                authorize(token, &self.state)?;
                uploads
            }
        };
        let body = self.read(body, limit, deadline).await?;
        let message = message_of(&body)?;
        if method.kind == Kind::Inference {
            bounds::check(message, self.state.configuration.batch.get())?;
        }
        Ok(body)
    }

    async fn read(
        &self,
        mut body: Incoming,
        limit: u64,
        deadline: Deadline,
    ) -> Result<Body, ApiError> {
        let incoming = self.state.memory.receive();
        let mut whole = incoming.body(limit);
        let read = async {
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| unreadable(&error))?;
                if let Some(data) = frame.data_ref() {
                    whole.push(data).await?;
                }
            }
            Ok(())
        };
        incoming.read(deadline.0, read).await?;
        Ok(whole.finish())
    }
}

fn unreadable(error: &hyper::Error) -> ApiError {
    let detail = format!("the message cannot be read: {error}");
    ApiError::new(Code::BadRequest, detail)
}

/// The message of a body. Empty if it is compressed or has no prefix, which tonic rejects. Its length is checked here, because
/// tonic allocates whatever length the prefix declares.
fn message_of(body: &[u8]) -> Result<&[u8], ApiError> {
    let [0, a, b, c, d, message @ ..] = body else {
        return Ok(&[]);
    };
    let (expected, got) = (u32::from_be_bytes([*a, *b, *c, *d]) as usize, message.len());
    if expected != got {
        let reason = format_args!("expected one message of {expected} bytes, got {got}");
        return Err(malformed(reason));
    }
    Ok(message)
}

/// The span of a call. The fields follow OpenTelemetry's semantic conventions for gRPC, where they apply.
fn span(route: &str, id: &str) -> Span {
    let path = route.trim_start_matches('/');
    let (service, method) = path.split_once('/').unwrap_or(("", path));
    info_span!(
        parent: None,
        "request",
        otel.name = path,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
        rpc.grpc.status_code = Empty,
        request.id = id,
        model.name = Empty,
        model.version = Empty,
    )
}

/// Adds the headers with the request ID and the trace context.
fn add_headers(headers: &mut HeaderMap, entry: &LogEntry) {
    let context = entry.trace.map(|trace| trace.to_string());
    for (name, value) in [(REQUEST_ID, Some(entry.id.clone())), (TRACEPARENT, context)] {
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}
