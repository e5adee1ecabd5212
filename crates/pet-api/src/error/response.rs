//! The JSON of a refusal.

use actix_web::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use serde::Serialize;

use super::{ApiError, Code};

/// A refusal as its client reads it.
#[derive(Serialize)]
pub(crate) struct Refusal<'a> {
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl ApiError {
    pub(crate) fn refusal(&self) -> Refusal<'_> {
        Refusal {
            detail: &self.detail,
            code: self.code.name(),
            hint: self.hint.as_deref(),
        }
    }
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
        response.json(self.refusal())
    }
}
