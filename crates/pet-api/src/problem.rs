//! Errors in the form of RFC 9457, for clients that accept `application/problem+json`.

use actix_web::HttpRequest;
use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{Accept, CONTENT_TYPE, Header as _, HeaderValue, Quality, VARY};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::ApiError;
use crate::open_inference;

/// The media type.
pub(crate) const PROBLEM: &str = "application/problem+json";

/// An error response as problem details (RFC 9457), extended by `code` and `hint`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Problem<'a> {
    /// Where the code is explained.
    r#type: String,
    /// What the code means.
    title: &'a str,
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// What is wrong.
    detail: &'a str,
    /// The kind of error, a row of the table in the documentation.
    code: &'a str,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

/// Converts an error response to the form that its client accepts.
pub(crate) fn negotiate(mut response: ServiceResponse) -> ServiceResponse {
    let vary = HeaderValue::from_static("accept");
    response.headers_mut().append(VARY, vary);
    if !accepts_problem(response.request()) {
        return response;
    }
    let Some(problem) = response.response().error().and_then(problem_json) else {
        return response;
    };
    let mut response = response.map_body(|_, _| BoxBody::new(problem));
    let media_type = HeaderValue::from_static(PROBLEM);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

/// Whether the client accepts problem details by name, and does not prefer plain JSON.
fn accepts_problem(request: &HttpRequest) -> bool {
    let Ok(accept) = Accept::parse(request) else {
        return false;
    };
    let quality = |name: &str| {
        let named = accept.iter().filter(|item| item.item.essence_str() == name);
        named.map(|item| item.quality).max()
    };
    quality(PROBLEM).is_some_and(|problem| {
        problem > Quality::ZERO && Some(problem) >= quality("application/json")
    })
}

fn problem_json(error: &actix_web::Error) -> Option<String> {
    let protocol = error.as_error::<open_inference::ProtocolError>();
    let error = error.as_error().or(protocol.map(|error| &error.0));
    let ApiError { code, detail, hint } = error?;
    let problem = Problem {
        r#type: format!("/docs#{}", code.name()),
        title: code.meaning(),
        status: code.status(),
        detail,
        code: code.name(),
        hint: hint.as_deref(),
    };
    serde_json::to_string(&problem).ok()
}
