//! The body of an inference request.

use actix_web::dev::Payload;
use actix_web::http::header::HeaderValue;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use schemars::JsonSchema;
use serde_json::json;

use crate::endpoint::{Described, Operation};
use crate::open_inference::Refusal;
use crate::open_inference::request::{HEADER_LENGTH, Request, split};
use crate::upload::{Deadline, READING, WORKING, read_body, state};

/// A body as it came: JSON, and what follows it.
pub(super) struct Content {
    pub(super) json: Bytes,
    pub(super) tail: Bytes,
    pub(super) deadline: Deadline,
}

/// A header that is sent with a body.
#[derive(JsonSchema)]
struct Head {
    /// Length of the JSON part in bytes where binary data follow it.
    #[schemars(rename = "Inference-Header-Content-Length")]
    _length: Option<usize>,
}

impl Described for Content {
    fn describe(operation: &mut Operation) {
        operation.takes_parameters::<Head>("header");
        operation.takes_json::<Request<'_>>();
        operation.takes("application/octet-stream", json!({}));
        operation.refuses(&READING);
        operation.refuses(&WORKING);
    }
}

impl FromRequest for Content {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let state = state(&request)?;
            let deadline = Deadline::extract(&request).await?;
            let limit = state.configuration.limits.bytes;
            let body = read_body(&request, payload, limit, &state.memory, deadline).await?;
            let header = request.headers().get(HEADER_LENGTH);
            let (json, tail) = split(&body.into(), header.map(HeaderValue::as_bytes))?;
            Ok(Self {
                json,
                tail,
                deadline,
            })
        })
    }
}
