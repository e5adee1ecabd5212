//! What the service does for every call: traces, measures, counts and logs it, and reads its message within the limits.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::web::{Bytes, Data};
use futures_util::TryStreamExt as _;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Request, Response};
use tokio::time::Instant;
use tonic::Status;
use tonic::codegen::Service as _;
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

use crate::access::{Access, Head, REQUEST_ID};
use crate::error::{ApiError, Code};
use crate::grpc::message::check_fields;
use crate::grpc::message::proto::grpc_inference_service_server::GrpcInferenceServiceServer;
use crate::grpc::service::{Kind, Method, Service, outcome};
use crate::memory::{Reserved, hold};
use crate::open_inference::request::malformed;
use crate::state::State;
use crate::trace::{TRACEPARENT, TraceContext};

/// Bytes of a message besides a photograph of the largest size; also the limit of a message without one.
const OVERHEAD: u64 = 64 << 10;

/// Most digits of a timeout, by the specification.
const DIGITS: usize = 8;

#[derive(Clone)]
pub(super) struct Calls {
    pub(super) state: Data<State>,
    service: GrpcInferenceServiceServer<Service>,
}

impl Calls {
    pub(super) fn new(state: Data<State>) -> Self {
        let service = Service { state: state.clone() };
        Self {
            state,
            // The limit applies while a message is read.
            service: GrpcInferenceServiceServer::new(service).max_decoding_message_size(usize::MAX),
        }
    }

    pub(super) async fn answer(
        self,
        request: Request<Incoming>,
    ) -> Result<Response<Whole>, Infallible> {
        let (head, body) = request.into_parts();
        let (headers, path) = (&head.headers, head.uri.path());
        let method = Method::at(path);
        let route = method.map_or("none", |method| method.path);
        let callers = headers.get_all(TRACEPARENT).into_iter().map(HeaderValue::as_bytes);
        let access = Head {
            method: head.method.as_str(),
            path,
            route,
            id: headers.get(REQUEST_ID).map(HeaderValue::as_bytes),
            caller: TraceContext::from_values(callers),
        };
        let access = Access::begin(&self.state, access, |id| span(route, id));
        let response = self.respond(method, head, body).instrument(access.span.clone()).await;
        let mut response = response.unwrap_or_else(|error| Status::from(error).into_http());

        let ended = response.body().trailers.as_ref();
        let (code, status) = outcome(ended.unwrap_or(response.headers()));
        access.span.record("rpc.grpc.status_code", code as i64);
        for (name, value) in access.finish(status) {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        Ok(response)
    }

    async fn respond(
        mut self,
        method: Option<&Method>,
        head: Parts,
        body: Incoming,
    ) -> Result<Response<Whole>, ApiError> {
        let timeout = self.state.configuration.request_timeout;
        let deadline = deadline(&head.headers, timeout)?;
        let (message, memory) = match method {
            Some(method) => self.receive(method, &head.headers, body, deadline).await?,
            // The generated service responds that it does not know this call.
            None => Default::default(),
        };
        let whole = Whole { data: Some(message), trailers: None };
        let mut request = Request::from_parts(head, whole);
        request.extensions_mut().insert(deadline);
        let Ok(response) = self.service.call(request).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(ApiError::internal)?;
        let trailers = body.trailers().cloned();
        let bytes = body.to_bytes();
        // The memory of the request serves the response too.
        let memory = self.state.memory.reserve_response(bytes.len(), memory)?;
        let data = (!bytes.is_empty()).then(|| hold(bytes, memory));
        Ok(Response::from_parts(head, Whole { data, trailers }))
    }

    /// Reads the body of a call. The token is checked first, and the fields of an inference request afterwards.
    async fn receive(
        &self,
        method: &Method,
        headers: &HeaderMap,
        body: Incoming,
        deadline: Instant,
    ) -> Result<(Bytes, Option<Reserved>), ApiError> {
        let uploads = self.state.configuration.limits.bytes.saturating_add(OVERHEAD);
        let uploads = uploads.min(self.state.memory.capacity() as u64);
        let limit = match method.kind {
            Kind::Question => OVERHEAD,
            Kind::Inference => uploads,
            Kind::Repository => {
                let token = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
                self.state.authorize(token)?;
                uploads
            }
        };
        let chunks = body.into_data_stream().map_err(|error| {
            ApiError::new(Code::BadRequest, format!("the message cannot be read: {error}"))
        });
        let (body, memory) = self.state.memory.read(limit, deadline, chunks).await?;
        let message = message_of(&body)?;
        if method.kind == Kind::Inference {
            check_fields(message, self.state.configuration.batch.get())?;
        }
        Ok((body, memory))
    }
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

/// The deadline of a call that starts now: that of its client, but at most `timeout` from now.
fn deadline(headers: &HeaderMap, timeout: Duration) -> Result<Instant, ApiError> {
    let asked = match headers.get("grpc-timeout") {
        Some(value) => parse_timeout(value.as_bytes()).ok_or_else(|| {
            ApiError::bad_parameter(
                "`grpc-timeout` should be up to 8 digits and a unit: H, M, S, m, u or n",
            )
        })?,
        None => timeout,
    };
    Ok(Instant::now() + timeout.min(asked))
}

fn parse_timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    let fits = digits.len() <= DIGITS && digits.iter().all(u8::is_ascii_digit);
    let number: u64 = std::str::from_utf8(digits).ok().filter(|_| fits)?.parse().ok()?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

/// A body that is in memory: data, then trailers.
#[derive(Default)]
pub(super) struct Whole {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl hyper::body::Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = self.data.take().map(Frame::data);
        let frame = data.or_else(|| self.trailers.take().map(Frame::trailers));
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.trailers.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_have_up_to_eight_digits_and_a_unit() {
        for (value, expected) in [
            ("1H", Some(Duration::from_hours(1))),
            ("2M", Some(Duration::from_mins(2))),
            ("99999999S", Some(Duration::from_secs(99_999_999))),
            ("100m", Some(Duration::from_millis(100))),
            ("7u", Some(Duration::from_micros(7))),
            ("0n", Some(Duration::ZERO)),
            ("", None),
            ("S", None),
            ("1", None),
            ("1s", None),
            ("-1S", None),
            ("+1S", None),
            ("1.5S", None),
            ("123456789m", None),
            ("\u{661}S", None),
        ] {
            assert_eq!(parse_timeout(value.as_bytes()), expected, "{value}");
        }
    }
}
