//! Refusals of the framework, in the form of our own.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ALLOW, CONTENT_TYPE};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, ResponseError as _};

use crate::error::{ApiError, Code};
use crate::open_inference;

/// Turns every refusal that is not JSON yet into a row of the table.
pub(crate) async fn refusals<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || is_json(&response) {
        return Ok(response);
    }
    let (request, old) = response.into_parts();
    let refusal = refusal(status.as_u16(), &request);
    let mut new = if request.path().starts_with("/v2/") {
        open_inference::Refusal::from(refusal).error_response()
    } else {
        refusal.error_response()
    };
    if let Some(methods) = old.headers().get(ALLOW) {
        new.headers_mut().insert(ALLOW, methods.clone());
    }
    Ok(ServiceResponse::new(request, new))
}

fn is_json(response: &ServiceResponse) -> bool {
    let media_type = response.headers().get(CONTENT_TYPE);
    media_type.is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
}

fn refusal(status: u16, request: &HttpRequest) -> ApiError {
    let code = Code::ALL.into_iter().find(|code| code.status() == status);
    match code.unwrap_or(Code::BadRequest) {
        Code::MethodNotAllowed => ApiError::new(
            Code::MethodNotAllowed,
            format!("`{}` does not take `{}`", request.path(), request.method()),
        ),
        code => ApiError::new(
            code,
            format!("the request was refused with status {status}"),
        ),
    }
}
