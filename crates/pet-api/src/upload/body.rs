//! Reading a body whole.

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::CONTENT_LENGTH;
use futures_util::StreamExt as _;

use super::Deadline;
use super::memory::{Body, Memory, too_large};
use crate::error::{ApiError, Code};

/// Reads a body of at most `limit` bytes. One that announces more is refused before it is read.
pub(crate) async fn read_body(
    request: &HttpRequest,
    mut payload: Payload,
    limit: u64,
    memory: &Memory,
    deadline: Deadline,
) -> Result<Body, ApiError> {
    if announced(request).is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let mut body = memory.body(limit);
    let read = async {
        while let Some(chunk) = payload.next().await {
            body.push(&chunk.map_err(|error| broken(&error))?)?;
        }
        Ok(())
    };
    deadline.arrival(read).await?;
    Ok(body.finish())
}

/// The length that a request announces for its body.
pub(super) fn announced(request: &HttpRequest) -> Option<u64> {
    let length = request.headers().get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

fn broken(error: &PayloadError) -> ApiError {
    ApiError::new(
        Code::BadRequest,
        format!("the body cannot be read: {error}"),
    )
}
