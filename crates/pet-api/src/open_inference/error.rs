//! Errors of the protocol.

use std::fmt::{self, Display, Formatter};

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{ApiError, Code, ErrorBody, JsonError};

/// A body that is not a request of the protocol.
pub(crate) fn malformed(reason: impl Display) -> ApiError {
    let detail = format!("the body is not an inference request: {reason}");
    ApiError::new(Code::BadRequest, detail)
}

/// A name that is none of the model's. `kind` is `input` or `output`.
pub(crate) fn unknown(kind: &str, got: &str, expected: &str) -> ApiError {
    ApiError::bad_parameter(format!("the model has no {kind} `{got}`, expected {expected}"))
}

/// The parameter for memory that is shared with the client, which a remote service cannot have.
pub(crate) const SHARED_MEMORY: &str = "shared_memory_region";

/// Rejects [`SHARED_MEMORY`] where it is given.
pub(crate) fn reject_shared_memory(is_given: bool) -> Result<(), ApiError> {
    if is_given {
        let detail = format!("`{SHARED_MEMORY}` is not supported");
        return Err(ApiError::bad_parameter(detail));
    }
    Ok(())
}

/// Binary data whose length does not fit the request or the shape.
pub(crate) fn wrong_length(expected: usize, got: usize) -> ApiError {
    ApiError::bad_parameter(format!("expected {expected} bytes of binary data, got {got}"))
}

/// Rejects parameters that would change how a model is loaded, by their names.
pub(crate) fn reject_parameters(names: impl Iterator<Item = String>) -> Result<(), ApiError> {
    let names: Vec<_> = names.take(4).collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(ApiError::bad_parameter(format!(
        "models are loaded from their folders, without parameters; got `{}`",
        names.join("`, `")
    )))
}

/// An error with the protocol's field `error` in addition to `detail`.
#[derive(Debug)]
pub(crate) struct ProtocolError(pub(crate) ApiError);

/// An error response of the protocol.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InferenceError")]
pub(crate) struct ProtocolErrorBody<'a> {
    /// What is wrong; the same as `detail`.
    error: &'a str,
    #[serde(flatten)]
    rest: ErrorBody,
}

impl JsonError for ProtocolError {
    type Body = ProtocolErrorBody<'static>;
}

impl ResponseError for ProtocolError {
    fn status_code(&self) -> StatusCode {
        self.0.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let body = ProtocolErrorBody { error: &self.0.detail, rest: self.0.to_body() };
        let body = serde_json::to_string(&body).unwrap_or_default();
        self.0.error_response().set_body(BoxBody::new(body))
    }
}

impl Display for ProtocolError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl From<ApiError> for ProtocolError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}
