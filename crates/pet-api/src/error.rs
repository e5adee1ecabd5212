//! Errors: of the service as a whole ([`Error`]), and of a request ([`ApiError`]), with the forms in which clients get them.

use std::path::PathBuf;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_ENCODING, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use pet_image::Error as ImageError;
use pet_predict::Error as PredictionError;
use schemars::JsonSchema;
use serde::Serialize;

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
    /// The operating system rejected something else.
    #[error("{what}")]
    Io {
        /// What failed.
        what: &'static str,
        /// The operating system's answer, which names the folder if there is one.
        source: std::io::Error,
    },
}

impl Error {
    /// For `map_err`.
    pub(crate) fn io(what: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |source| Self::Io { what, source }
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
            _ => None,
        }
    }
}

/// Defines the enum: the meaning of each code, its variant, its status, and its name in JSON.
macro_rules! table {
    ($(#[doc = $meaning:literal] $code:ident = $status:literal, $name:literal;)*) => {
        #[doc = include_str!("../ERRORS.md")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
        pub enum Code {
            $(#[doc = $meaning] #[serde(rename = $name)] $code,)*
        }

        impl Code {
            /// Every code, by status.
            pub const ALL: [Self; [$($status),*].len()] = [$(Self::$code),*];

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$code => $status,)* }
            }

            /// Its name in JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }

            /// Its meaning, for the documentation.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$code => $meaning.trim_ascii(),)* }
            }
        }
    };
}

table! {
    /// A parameter of the request is invalid.
    BadParameter = 400, "bad_parameter";
    /// The request is malformed, such as a broken multipart body.
    BadRequest = 400, "bad_request";
    /// The file is not an image, or is damaged.
    Undecodable = 400, "undecodable";
    /// The token is missing or wrong.
    Unauthorized = 401, "unauthorized";
    /// Only the service's own page may send this request, not another site's.
    CrossSite = 403, "cross_site";
    /// This path does not exist.
    NotFound = 404, "not_found";
    /// The path does not support this method.
    MethodNotAllowed = 405, "method_not_allowed";
    /// The body did not arrive in time.
    UploadTimeout = 408, "upload_timeout";
    /// The upload or its image exceeds a limit, which `detail` names.
    TooLarge = 413, "too_large";
    /// The image format is not supported.
    UnsupportedFormat = 415, "unsupported_format";
    /// The compression of the body is not supported.
    UnsupportedEncoding = 415, "unsupported_encoding";
    /// The field `file` is missing.
    MissingFile = 422, "missing_file";
    /// Too many requests are already waiting.
    Busy = 429, "busy";
    /// The service itself failed; its log has the cause.
    Internal = 500, "internal";
    /// The service accepts no work because it is stopping.
    NotReady = 503, "not_ready";
    /// The work was not finished in time.
    DeadlinePassed = 504, "deadline_passed";
    /// No more corrections can be saved, or no more models can be loaded.
    Full = 507, "full";
}

impl Code {
    /// Seconds after which a retry may succeed, for `Retry-After`.
    pub const fn retry_after(self) -> Option<u32> {
        match self {
            Self::Busy => Some(1),
            Self::NotReady => Some(5),
            _ => None,
        }
    }

    pub(crate) fn status_code(self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// The accepted encodings of request bodies, for `Accept-Encoding`.
const ENCODINGS: &str = "gzip, deflate";

/// The error of a request, as it is sent to the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, JsonSchema)]
#[error("{detail}")]
#[schemars(rename = "Error", description = "An error response.")]
pub(crate) struct ApiError {
    /// What is wrong.
    pub(crate) detail: String,
    /// The kind of error, a row of the table in the documentation.
    #[schemars(with = "String")]
    pub(crate) code: Code,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    #[must_use]
    pub(crate) fn with_optional_hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }

    pub(crate) fn bad_parameter(detail: impl Into<String>) -> Self {
        Self::new(Code::BadParameter, detail)
    }

    /// An unexpected error, which is logged and not shown to the client.
    pub(crate) fn internal(error: impl std::error::Error) -> Self {
        tracing::error!(error = error_chain(&error), "a request failed");
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
}

/// An image that cannot be decoded or transformed.
impl From<ImageError> for ApiError {
    fn from(error: ImageError) -> Self {
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
        Self::new(code, error_chain(&error)).with_optional_hint(error.hint())
    }
}

impl From<PredictionError> for ApiError {
    fn from(error: PredictionError) -> Self {
        match error {
            PredictionError::Image(source) => source.into(),
            PredictionError::UnknownClass { .. } | PredictionError::TensorLength { .. } => {
                Self::bad_parameter(error_chain(&error)).with_optional_hint(error.hint())
            }
            _ => Self::internal(error),
        }
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

/// Removes control characters, and those that change the direction of the text, which would show `gpj.exe` as `exe.jpg`.
pub(crate) fn printable(mut text: String) -> String {
    text.retain(|char| !char.is_control() && !is_directional(char));
    text
}

/// A character of Unicode's property `Bidi_Control`.
fn is_directional(char: char) -> bool {
    matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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
        response.json(self)
    }
}

/// Where the paths of the Open Inference Protocol start, which has a form of errors of its own.
pub(crate) const PROTOCOL: &str = "/v2";

/// An error response of the protocol.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InferenceError")]
pub(crate) struct ProtocolErrorBody<'a> {
    /// What is wrong; the same as `detail`.
    error: &'a str,
    #[serde(flatten)]
    rest: &'a ApiError,
}

impl<'a> ProtocolErrorBody<'a> {
    pub(crate) fn of(error: &'a ApiError) -> Self {
        Self { error: &error.detail, rest: error }
    }
}

/// The media type of [`Problem`].
pub(crate) const PROBLEM: &str = "application/problem+json";

/// An error response as problem details (RFC 9457), extended by `code` and `hint`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Problem<'a> {
    /// Where the code is explained.
    r#type: String,
    /// What the code means.
    title: &'static str,
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    #[serde(flatten)]
    rest: &'a ApiError,
}

impl<'a> Problem<'a> {
    pub(crate) fn of(error: &'a ApiError) -> Self {
        let code = error.code;
        let r#type = format!("/docs#{}", code.name());
        Self { r#type, title: code.meaning(), status: code.status(), rest: error }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_is_documented() {
        let documented = include_str!("../ERRORS.md");
        let rows =
            documented.lines().filter(|line| line.contains("| `") && !line.contains("status"));
        assert_eq!(rows.count(), Code::ALL.len());
        for code in Code::ALL {
            let row = format!("| {} | `{}` |", code.status(), code.name());
            assert!(documented.contains(&row), "{row}");
        }
    }

    #[test]
    fn codes_are_unique_and_sorted_by_valid_statuses() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(Code::ALL.is_sorted_by_key(|code| code.status()));
        for code in Code::ALL {
            assert_eq!(code.status_code().as_u16(), code.status());
        }
    }

    #[test]
    fn directional_characters_are_removed() {
        assert_eq!(printable("a\u{202e}\u{7}b".into()), "ab");
        assert_eq!(printable("K\u{e4}the".into()), "K\u{e4}the");
    }
}
