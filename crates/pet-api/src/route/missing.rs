//! What is not there.

use actix_web::HttpRequest;

use crate::error::{ApiError, Code};

/// Any path without a route.
pub(super) async fn missing(request: HttpRequest) -> Result<&'static str, ApiError> {
    let detail = format!("there is nothing at `{}`", request.path());
    Err(ApiError::new(Code::NotFound, detail).with_hint("`/docs` lists what there is".to_owned()))
}
