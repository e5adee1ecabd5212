//! Errors of the protocol.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{ApiError, Code, JsonError, error_chain};

/// Why a request is rejected before any work is done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    /// The header with the length of the JSON part is not a number within the body.
    #[error(
        "`inference-header-content-length` should be 0 to {body}, the length of the body, got `{got}`"
    )]
    HeaderLength {
        /// Length of the body in bytes.
        body: usize,
        /// The value of the header.
        got: String,
    },
    /// The JSON part is not a request of the protocol.
    #[error("the body is not an inference request: {reason}")]
    Request {
        /// The parser's message, with line and column.
        reason: String,
    },
    /// The body is not a request to the repository.
    #[error("the body is not a repository request: {reason}")]
    RepositoryRequest {
        /// The parser's message, with line and column.
        reason: String,
    },
    /// Parameters that would change how a model is loaded.
    #[error("models are loaded from their folders, without parameters; got `{}`", got.join("`, `"))]
    LoadParameters {
        /// Their names, or the first few of them.
        got: Vec<String>,
    },
    /// Not exactly one input.
    #[error("expected one input, got {got}")]
    Inputs {
        /// Number of inputs.
        got: usize,
    },
    /// An unknown input or output.
    #[error("the model has no {kind} `{got}`, expected {expected}")]
    Unknown {
        /// `input` or `output`.
        kind: &'static str,
        /// The known names.
        expected: &'static str,
        /// Its name.
        got: String,
    },
    /// An unsupported datatype.
    #[error("the input `{input}` accepts FP32 or BYTES, got `{got}`")]
    Datatype {
        /// Name of the input.
        input: String,
        /// The datatype of the request.
        got: String,
    },
    /// An unsupported shape.
    #[error("a {datatype} input has the shape {expected}, got {got:?}")]
    Shape {
        /// Datatype of the input.
        datatype: &'static str,
        /// The supported shape.
        expected: String,
        /// The shape in the request.
        got: Vec<usize>,
    },
    /// Too many images.
    #[error("the batch has {got} images, more than the limit of {limit}")]
    Batch {
        /// Largest number of images in a request.
        limit: usize,
        /// Images in this one.
        got: usize,
    },
    /// An input without data, or with both JSON and binary data.
    #[error("the input should have either `data` or the parameter `binary_data_size`")]
    Data,
    /// An input without data, or with both typed and raw data.
    #[cfg(feature = "grpc")]
    #[error("the input should have its data in either `contents` or `raw_input_contents`")]
    Source,
    /// JSON data that do not match the shape.
    #[error("the data does not fit the shape {shape:?}: {reason}")]
    Elements {
        /// The shape in the request.
        shape: Vec<usize>,
        /// The parser's message, with line and column within `data`.
        reason: String,
    },
    /// Typed data whose number does not match the shape.
    #[error("expected {expected} elements of data, got {got}")]
    Contents {
        /// Number of elements in the shape.
        expected: usize,
        /// Actual number of elements.
        got: usize,
    },
    /// Binary data whose length does not match the request or the shape.
    #[error("expected {expected} bytes of binary data, got {got}")]
    BinaryLength {
        /// Expected number of bytes.
        expected: usize,
        /// Actual number of bytes.
        got: usize,
    },
    /// A length prefix that reaches beyond the data.
    #[error(
        "element {element} of the BYTES data ends at byte {end}, but the data has {length} bytes"
    )]
    ElementLength {
        /// Index of the element.
        element: usize,
        /// Where it would end, in bytes from the start of the data.
        end: usize,
        /// Number of bytes of the data.
        length: usize,
    },
    /// A number that is infinite or NaN.
    #[error("number {index} of the data is `{got}`, expected finite numbers")]
    NotFinite {
        /// Index of the number.
        index: usize,
        /// The number.
        got: f32,
    },
    /// Text that is not base64.
    #[error("element {element} of the BYTES data is not base64")]
    Base64 {
        /// Index of the element.
        element: usize,
        /// The cause.
        source: base64::DecodeError,
    },
    /// An unsupported feature of the protocol.
    #[error("`{feature}` is not supported")]
    Unsupported {
        /// Its name in the protocol.
        feature: &'static str,
    },
    /// An invalid number of classes to return.
    #[error("`classification` should be 1 to {classes}, got {got}")]
    Classification {
        /// Number of the model's classes.
        classes: usize,
        /// The number in the request.
        got: usize,
    },
    /// The logits are not finite.
    #[error("the model's output for these numbers is not finite")]
    Answer,
}

impl Malformed {
    /// Rejects the names of parameters for loading a model.
    pub(crate) fn unless_empty(mut names: impl Iterator<Item = String>) -> Result<(), Self> {
        match names.next() {
            None => Ok(()),
            Some(name) => Err(Self::LoadParameters {
                got: std::iter::once(name).chain(names).take(4).collect(),
            }),
        }
    }
}

impl From<Malformed> for ApiError {
    fn from(error: Malformed) -> Self {
        let code = match &error {
            Malformed::Batch { .. } => Code::TooLarge,
            Malformed::Request { .. }
            | Malformed::RepositoryRequest { .. }
            | Malformed::HeaderLength { .. } => Code::BadRequest,
            _ => Code::BadParameter,
        };
        Self::new(code, error_chain(&error))
    }
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
    rest: crate::error::ErrorBody,
}

impl JsonError for ProtocolError {
    type Body = ProtocolErrorBody<'static>;
}

impl ResponseError for ProtocolError {
    fn status_code(&self) -> StatusCode {
        self.0.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let body = ProtocolErrorBody {
            error: &self.0.detail,
            rest: self.0.to_body(),
        };
        let body = serde_json::to_string(&body).unwrap_or_default();
        self.0.error_response().set_body(BoxBody::new(body))
    }
}

impl std::fmt::Display for ProtocolError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

impl From<ApiError> for ProtocolError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<Malformed> for ProtocolError {
    fn from(error: Malformed) -> Self {
        Self(error.into())
    }
}
