//! What is done around every request.

mod access;
mod refusals;
mod request_id;

use actix_cors::Cors;
use actix_web::http::header::{
    CONTENT_DISPOSITION, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::DefaultHeaders;

pub(crate) use access::access;
pub(crate) use refusals::refusals;

/// Pages of any other host may use the service: it has no cookies, and what changes it asks for a
/// token.
pub(crate) fn cross_origin() -> Cors {
    Cors::default()
        .allow_any_origin()
        .send_wildcard()
        .allow_any_method()
        .allow_any_header()
        .expose_headers([CONTENT_DISPOSITION, RETRY_AFTER])
        .expose_headers([request_id::HEADER])
        .max_age(3600)
}

/// Browsers take answers for what they say they are, and tell nobody where they come from.
pub(crate) fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((REFERRER_POLICY, "no-referrer"))
}
