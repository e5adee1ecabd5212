//! The body of an inference request.

use actix_web::dev::Payload;
use actix_web::http::header::HeaderValue;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use schemars::JsonSchema;
use serde_json::json;

use crate::endpoint::{Describe, Operation};
use crate::open_inference::ProtocolError;
use crate::open_inference::request::{HEADER_LENGTH, Request, split};
use crate::upload::{Deadline, READ_ERRORS, WORK_ERRORS, read_body};

/// A body: JSON, and the binary data that follows it.
pub(super) struct Content {
    pub(super) json: Bytes,
    pub(super) tail: Bytes,
    pub(super) deadline: Deadline,
}

#[derive(JsonSchema)]
struct Head {
    /// Length of the JSON part in bytes, if binary data follows it.
    #[schemars(rename = "Inference-Header-Content-Length")]
    _length: Option<usize>,
}

impl Describe for Content {
    fn describe(operation: &mut Operation) {
        operation.add_parameters::<Head>("header");
        operation.add_json_body::<Request<'_>>();
        operation.add_body("application/octet-stream", json!({}));
        operation.add_errors(&READ_ERRORS);
        operation.add_errors(&WORK_ERRORS);
    }
}

impl FromRequest for Content {
    type Error = ProtocolError;
    type Future = LocalBoxFuture<'static, Result<Self, ProtocolError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let deadline = Deadline::extract(&request).await?;
            let body = read_body(&request, payload, deadline).await?;
            let header = request.headers().get(HEADER_LENGTH);
            let (json, tail) = split(&body.into(), header.map(HeaderValue::as_bytes))?;
            Ok(Self { json, tail, deadline })
        })
    }
}
