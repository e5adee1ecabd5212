//! What goes wrong: before the service runs ([`Error`]), and while it answers ([`ApiError`], which
//! its client reads as a [`Refusal`]).

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

use crate::file_name::shown;
use crate::served::Role;

/// The encodings that bodies may have, as `Accept-Encoding` lists them.
const ENCODINGS: &str = "gzip, deflate";

/// Why the service cannot start or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model cannot be served.
    #[error("the model cannot be served")]
    Model {
        /// Why not.
        source: pet_predict::Error,
    },
    /// A model besides the served one, such as its successor, cannot be loaded.
    #[error("the {role} model in `{results}` cannot be used")]
    Successor {
        /// What it is there for.
        role: &'static str,
        /// Where it lies.
        results: String,
        /// Why not.
        source: pet_predict::Error,
    },
    /// A successor tells other classes apart than the served model.
    #[error(
        "the {role} model in `{results}` has other classes than the served model: class {number} is {got}, expected \
         {expected}"
    )]
    Classes {
        /// What it is there for.
        role: &'static str,
        /// Where it lies.
        results: String,
        /// The first class that differs, from 0.
        number: usize,
        /// Its name in the served model.
        expected: String,
        /// Its name in the successor.
        got: String,
    },
    /// The folder of models cannot be read.
    #[error("the folder of models cannot be read")]
    ModelFolder {
        /// The operating system's answer, which names the folder.
        source: std::io::Error,
    },
    /// The folder of models has more than may be loaded.
    #[error("the folder of models `{}` has {count}, of which {most} may be loaded", folder.display())]
    ModelCount {
        /// The folder.
        folder: PathBuf,
        /// Models in it.
        count: usize,
        /// How many may be loaded at a time.
        most: usize,
    },
    /// A model of the folder of models has the name of the served one.
    #[error("the model in `{results}` has the name of the served model, `{name}`")]
    SameName {
        /// The name of both.
        name: String,
        /// Where the one of the folder lies.
        results: String,
    },
    /// The folder for corrections cannot be made or read.
    #[error("the folder for corrections cannot be used")]
    Feedback {
        /// The operating system's answer, which names the folder.
        source: std::io::Error,
    },
    /// The address cannot be listened at.
    #[error("cannot listen at `{address}`")]
    Listen {
        /// Host and port.
        address: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// There is too little memory for the workers and the uploads.
    #[error(
        "`{memory}` bytes of memory are too little for `{workers}` workers, which need `{needed}`"
    )]
    Memory {
        /// Bytes that there are.
        memory: u64,
        /// Number of workers.
        workers: u64,
        /// Bytes that they and the uploads need.
        needed: u64,
    },
    /// A worker thread cannot be started.
    #[error("cannot start a worker thread")]
    Worker {
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The server broke down while it ran.
    #[error("the server failed")]
    Serve {
        /// The operating system's answer.
        source: std::io::Error,
    },
}

impl Error {
    /// A model besides the served one that cannot be loaded.
    pub(crate) fn unusable(role: Role, results: &Results, source: pet_predict::Error) -> Self {
        Self::Successor {
            role: role.name(),
            results: results.to_string(),
            source,
        }
    }

    /// What a person can do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Model { source } | Self::Successor { source, .. } => source.hint(),
            Self::Classes { .. } => Some(
                "a successor must tell the same classes apart; serve another model by itself"
                    .into(),
            ),
            Self::Listen { source, .. } => match source.kind() {
                std::io::ErrorKind::AddrInUse => {
                    Some("another program listens there; choose another port".into())
                }
                std::io::ErrorKind::PermissionDenied => {
                    Some("ports below 1024 need special rights; choose a higher one".into())
                }
                _ => None,
            },
            Self::Memory { .. } => {
                Some("take fewer workers, or less of the memory for uploads".into())
            }
            Self::ModelCount { .. } => {
                Some("allow more, which takes memory, or take some away".into())
            }
            Self::SameName { .. } => Some("give its folder another name".into()),
            Self::ModelFolder { .. }
            | Self::Feedback { .. }
            | Self::Worker { .. }
            | Self::Serve { .. } => None,
        }
    }
}

/// Why a request gets no answer: which row of the table, what is wrong, what can be done.
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
            // It may hold words of the client.
            detail: shown(detail.into()),
            hint: None,
        }
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into().or(self.hint);
        self
    }

    /// The value of a parameter makes no sense.
    pub(crate) fn parameter(detail: impl Into<String>) -> Self {
        Self::new(Code::BadParameter, detail)
    }

    /// Something that should not happen; the client is not told the inside of it.
    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = explained(error), "a request failed");
        Self::new(Code::Internal, "the service failed; its log says why")
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.detail)
    }
}

impl ApiError {
    /// Why an image cannot be used.
    pub(crate) fn image(error: &ImageError) -> Self {
        let code = match error {
            ImageError::ForeignFormat {
                is_picture: true, ..
            } => Code::UnsupportedFormat,
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
        Self::new(code, explained(error)).with_hint(error.hint())
    }

    /// Why an image gets no prediction.
    pub(crate) fn prediction(error: &pet_predict::Error) -> Self {
        match error {
            pet_predict::Error::Image { source } => Self::image(source),
            pet_predict::Error::UnknownClass { .. } | pet_predict::Error::TensorLength { .. } => {
                Self::parameter(explained(error)).with_hint(error.hint())
            }
            _ => Self::internal(error),
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn explained(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A refusal as its client reads it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(crate) struct Refusal {
    /// What is wrong.
    detail: String,
    /// The row of the table of refusals.
    code: &'static str,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl ApiError {
    pub(crate) fn refusal(&self) -> Refusal {
        Refusal {
            detail: self.detail.clone(),
            code: self.code.name(),
            hint: self.hint.clone(),
        }
    }
}

/// An error that its client reads as JSON.
pub(crate) trait Refuses {
    /// What is written.
    type Body: JsonSchema;
}

impl Refuses for ApiError {
    type Body = Refusal;
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
        response.json(self.refusal())
    }
}
