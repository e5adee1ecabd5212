//! Refusals as the protocol has them.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use super::malformed::Malformed;
use crate::error::ApiError;

/// A refusal from the same table as all others, with the protocol's `error` beside `detail`.
#[derive(Debug)]
pub(crate) struct Refusal(ApiError);

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    #[serde(flatten)]
    rest: crate::error::Refusal<'a>,
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
