//! A refusal, on its way to the client.

use pet_image::Error as ImageError;

use super::Code;

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
            detail: detail.into(),
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
            ImageError::OutputTooLarge { .. } | ImageError::EmptyCrop { .. } => Code::BadParameter,
            ImageError::Recipe { .. } | ImageError::TensorLength { .. } => {
                return Self::internal(error);
            }
            _ => Code::Undecodable,
        };
        Self::new(code, explained(error)).with_hint(error.hint())
    }

    /// Why a photograph gets no prediction.
    pub(crate) fn prediction(error: &pet_predict::Error) -> Self {
        match error {
            pet_predict::Error::Image { source } => Self::image(source),
            pet_predict::Error::UnknownClass { .. } => {
                Self::parameter(explained(error)).with_hint(error.hint())
            }
            _ => Self::internal(error),
        }
    }
}

impl From<pet_predict::Error> for ApiError {
    fn from(error: pet_predict::Error) -> Self {
        match error {
            pet_predict::Error::TensorLength { .. } => Self::parameter(explained(&error)),
            _ => Self::internal(&error),
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
