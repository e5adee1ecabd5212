//! What is wrong with a request of the protocol, and how its client is told.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{ApiError, Code, Refuses, explained};

/// Why a request is refused before any work is done on it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    /// The header that tells where the JSON ends is no number within the body.
    #[error(
        "`inference-header-content-length` should be 0 to {body}, the length of the body, got `{got}`"
    )]
    HeaderLength {
        /// Length of the body in bytes.
        body: usize,
        /// What the header says.
        got: String,
    },
    /// The JSON part is not a request of the protocol.
    #[error("the body is not an inference request: {reason}")]
    Request {
        /// What the parser says, with line and column.
        reason: String,
    },
    /// A body that is no request to the repository.
    #[error("the body is not a request to the repository: {reason}")]
    RepositoryRequest {
        /// What the parser says, with line and column.
        reason: String,
    },
    /// Parameters that would change how a model is loaded.
    #[error("a model is loaded as it is in its folder, without parameters; got `{}`", got.join("`, `"))]
    LoadParameters {
        /// Their names, or the first of them.
        got: Vec<String>,
    },
    /// Not exactly one input.
    #[error("expected one input, got {got}")]
    Inputs {
        /// Number of inputs.
        got: usize,
    },
    /// Something that this model does not have.
    #[error("the model has no {kind} `{got}`, expected {expected}")]
    Unknown {
        /// `input` or `output`.
        kind: &'static str,
        /// The names that there are.
        expected: &'static str,
        /// Its name.
        got: String,
    },
    /// A datatype that the input does not take.
    #[error("the input `{input}` takes FP32 or BYTES, got `{got}`")]
    Datatype {
        /// Name of the input.
        input: String,
        /// The datatype of the request.
        got: String,
    },
    /// A shape that the model does not take.
    #[error("a {datatype} input has the shape {expected}, got {got:?}")]
    Shape {
        /// Datatype of the input.
        datatype: &'static str,
        /// What is taken.
        expected: String,
        /// What the request says.
        got: Vec<usize>,
    },
    /// More images than a request may hold.
    #[error("the batch has {got} images, more than the limit of {limit}")]
    Batch {
        /// Most images in a request.
        limit: usize,
        /// Images in this one.
        got: usize,
    },
    /// An input with no data, or with data in both places.
    #[error("the input should have either `data` or the parameter `binary_data_size`")]
    Data,
    /// JSON data that do not fit the shape.
    #[error("the data do not fit the shape {shape:?}: {reason}")]
    Elements {
        /// The shape that the request announces.
        shape: Vec<usize>,
        /// What the parser says, with line and column within `data`.
        reason: String,
    },
    /// Binary data that are not as long as the request says or as the shape calls for.
    #[error("expected {expected} bytes of binary data, got {got}")]
    BinaryLength {
        /// Bytes that should be there.
        expected: usize,
        /// Bytes that are there.
        got: usize,
    },
    /// A length before an element of BYTES that leads past the end or leaves bytes over.
    #[error(
        "element {element} of the BYTES data ends at byte {end}, but the data have {length} bytes"
    )]
    ElementLength {
        /// Number of the element, from 0.
        element: usize,
        /// Where it would end, counted from the first byte of the data.
        end: usize,
        /// Bytes that are there.
        length: usize,
    },
    /// A number that is infinite or none at all.
    #[error("number {index} of the data is `{got}`, expected finite numbers")]
    NotFinite {
        /// Place of the number, from 0.
        index: usize,
        /// The number.
        got: f32,
    },
    /// Text that is not the base64 form of an image.
    #[error("element {element} of the BYTES data is not base64")]
    Base64 {
        /// Number of the element, from 0.
        element: usize,
        /// Where it breaks the rules.
        source: base64::DecodeError,
    },
    /// A feature of other servers that this one lacks.
    #[error("`{feature}` is not supported")]
    Unsupported {
        /// Its name in the protocol.
        feature: &'static str,
    },
    /// A number of classes that cannot be named.
    #[error("`classification` should be 1 to {classes}, got {got}")]
    Classification {
        /// Number of the model's classes.
        classes: usize,
        /// What the request says.
        got: usize,
    },
    /// Numbers so large that the model cannot tell anything of them.
    #[error("the model's answer to these numbers is not finite")]
    Answer,
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
        Self::new(code, explained(&error))
    }
}

/// A refusal from the same table as all others, with the protocol's `error` beside `detail`.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) ApiError);

/// A refusal as the protocol's clients read it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InferenceError")]
pub(crate) struct Body<'a> {
    /// What is wrong; the same as `detail`.
    error: &'a str,
    #[serde(flatten)]
    rest: crate::error::Refusal,
}

impl Refuses for Refusal {
    type Body = Body<'static>;
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.0.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let body = Body {
            error: &self.0.detail,
            rest: self.0.refusal(),
        };
        let body = serde_json::to_string(&body).unwrap_or_default();
        self.0.error_response().set_body(BoxBody::new(body))
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<Malformed> for Refusal {
    fn from(error: Malformed) -> Self {
        Self(error.into())
    }
}
