//! Errors: of the service as a whole ([`Error`]), and of a request ([`ApiError`], which is sent as an [`ErrorBody`]).

mod code;

pub use code::Code;

use std::path::PathBuf;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_ENCODING, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use pet_image::Error as ImageError;
use pet_model::Results;
use schemars::JsonSchema;
use serde::Serialize;

use crate::file_name::printable;
use crate::loaded_model::Role;

/// The accepted encodings of request bodies, for `Accept-Encoding`.
const ENCODINGS: &str = "gzip, deflate";

/// Why the service cannot start or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model cannot be served.
    #[error("the model cannot be served")]
    Model {
        /// The cause.
        source: pet_predict::Error,
    },
    /// A model besides the served one, such as its successor, cannot be loaded.
    #[error("cannot use the {role} model in `{results}`")]
    Successor {
        /// Its role.
        role: &'static str,
        /// Where it is.
        results: String,
        /// The cause.
        source: pet_predict::Error,
    },
    /// A successor has other classes than the served model.
    #[error(
        "the {role} model in `{results}` has different classes than the served model: class {number} is {got}, expected \
         {expected}"
    )]
    Classes {
        /// Its role.
        role: &'static str,
        /// Where it is.
        results: String,
        /// The first class that differs, from 0.
        number: usize,
        /// Its name in the served model.
        expected: String,
        /// Its name in the successor.
        got: String,
    },
    /// The folder of models cannot be read.
    #[error("cannot read the folder of models")]
    ModelFolder {
        /// The operating system's answer, which names the folder.
        source: std::io::Error,
    },
    /// The folder has more models than may be loaded.
    #[error("the folder of models `{}` contains {count} models, more than the limit of {max}", folder.display())]
    ModelCount {
        /// The folder.
        folder: PathBuf,
        /// Number of models in it.
        count: usize,
        /// How many may be loaded at a time.
        max: usize,
    },
    /// A model in the folder has the name of the served one.
    #[error("the model in `{results}` has the same name as the served model, `{name}`")]
    SameName {
        /// The name of both.
        name: String,
        /// Where the model in the folder is.
        results: String,
    },
    /// The folder for corrections cannot be created or read.
    #[error("cannot use the folder for corrections")]
    Feedback {
        /// The operating system's answer, which names the folder.
        source: std::io::Error,
    },
    /// Listening on the address failed.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// Host and port.
        address: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// There is too little memory.
    #[error(
        "`{memory}` bytes of memory are not enough for `{workers}` workers, which need `{needed}`"
    )]
    Memory {
        /// Available bytes.
        memory: u64,
        /// Number of workers.
        workers: u64,
        /// Required bytes.
        needed: u64,
    },
    /// A worker thread cannot be started.
    #[error("cannot start a worker thread")]
    Worker {
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The server failed while it ran.
    #[error("the server failed")]
    Serve {
        /// The operating system's answer.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn successor(role: Role, results: &Results, source: pet_predict::Error) -> Self {
        Self::Successor { role: role.name(), results: results.to_string(), source }
    }

    /// What can be done about the error, if anything.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Model { source } | Self::Successor { source, .. } => source.hint(),
            Self::Classes { .. } => Some(
                "a successor must have the same classes; serve a different model on its own".into(),
            ),
            Self::Listen { source, .. } => match source.kind() {
                std::io::ErrorKind::AddrInUse => {
                    Some("another program is using this port; choose another one".into())
                }
                std::io::ErrorKind::PermissionDenied => {
                    Some("ports below 1024 need special privileges; choose a higher one".into())
                }
                _ => None,
            },
            Self::Memory { .. } => Some("use fewer workers, or less memory for uploads".into()),
            Self::ModelCount { .. } => {
                Some("raise the limit, which needs memory, or remove some models".into())
            }
            Self::SameName { .. } => Some("rename its folder".into()),
            Self::ModelFolder { .. }
            | Self::Feedback { .. }
            | Self::Worker { .. }
            | Self::Serve { .. } => None,
        }
    }
}

/// The error of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) code: Code,
    pub(crate) detail: String,
    pub(crate) hint: Option<String>,
}

impl ApiError {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            // It may quote the client.
            detail: printable(detail.into()),
            hint: None,
        }
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into().or(self.hint);
        self
    }

    /// An invalid value of a parameter.
    pub(crate) fn bad_parameter(detail: impl Into<String>) -> Self {
        Self::new(Code::BadParameter, detail)
    }

    /// An unexpected error, which is logged and not shown to the client.
    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = error_chain(error), "a request failed");
        Self::new(Code::Internal, "the service failed; its log has the cause")
    }

    /// The work was not done by the deadline.
    pub(crate) fn deadline_passed() -> Self {
        Self::new(Code::DeadlinePassed, "the work was not finished in time")
    }

    /// The service accepts no more requests.
    pub(crate) fn stopping() -> Self {
        Self::new(Code::NotReady, "the service is stopping")
    }

    /// An image that cannot be decoded or transformed.
    pub(crate) fn image(error: &ImageError) -> Self {
        let code = match error {
            ImageError::ForeignFormat { is_picture: true, .. } => Code::UnsupportedFormat,
            ImageError::TooManyBytes { .. }
            | ImageError::TooManyScans { .. }
            | ImageError::TooMuchMemory { .. }
            | ImageError::TooLarge { .. }
            | ImageError::TooManyPixels { .. } => Code::TooLarge,
            ImageError::Cancelled => Code::DeadlinePassed,
            ImageError::OutputTooLarge { .. } | ImageError::EmptyCrop { .. } => Code::BadParameter,
            ImageError::Recipe { .. } | ImageError::TensorLength { .. } => {
                return Self::internal(error);
            }
            _ => Code::Undecodable,
        };
        Self::new(code, error_chain(error)).with_hint(error.hint())
    }

    /// A prediction that failed.
    pub(crate) fn prediction(error: &pet_predict::Error) -> Self {
        match error {
            pet_predict::Error::Image { source } => Self::image(source),
            pet_predict::Error::UnknownClass { .. } | pet_predict::Error::TensorLength { .. } => {
                Self::bad_parameter(error_chain(error)).with_hint(error.hint())
            }
            _ => Self::internal(error),
        }
    }

    /// The error as sent to the client.
    pub(crate) fn to_body(&self) -> ErrorBody {
        ErrorBody { detail: self.detail.clone(), code: self.code.name(), hint: self.hint.clone() }
    }
}

/// An error with its causes, on one line.
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// An error response.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(crate) struct ErrorBody {
    /// What is wrong.
    detail: String,
    /// The kind of error, a row of the table in the documentation.
    code: &'static str,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.detail)
    }
}

/// An error that is sent as JSON.
pub(crate) trait JsonError {
    type Body: JsonSchema;
}

impl JsonError for ApiError {
    type Body = ErrorBody;
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.code.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.code.retry_after() {
            response.insert_header((RETRY_AFTER, seconds));
        }
        if self.code == Code::Unauthorized {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        if self.code == Code::UnsupportedEncoding {
            response.insert_header((ACCEPT_ENCODING, ENCODINGS));
        }
        response.json(self.to_body())
    }
}
