//! Refusals as RFC 9457 has them, for clients that accept `application/problem+json`.

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

/// A refusal as problem details (RFC 9457), with `code` and `hint` of our own.
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
    /// The row of the table of refusals.
    code: &'a str,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

/// Gives a refusal the form that its client asks for.
pub(crate) fn where_wanted(mut response: ServiceResponse) -> ServiceResponse {
    let vary = HeaderValue::from_static("accept");
    response.headers_mut().append(VARY, vary);
    if !is_wanted(response.request()) {
        return response;
    }
    let Some(text) = response.response().error().and_then(told) else {
        return response;
    };
    let mut response = response.map_body(|_, _| BoxBody::new(text));
    let kind = HeaderValue::from_static(PROBLEM);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Whether the client names the media type, and prefers none of our own form.
fn is_wanted(request: &HttpRequest) -> bool {
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

fn told(error: &actix_web::Error) -> Option<String> {
    let protocol = error.as_error::<open_inference::Refusal>();
    let refusal = error.as_error::<ApiError>();
    let ApiError { code, detail, hint } = refusal.or(protocol.map(|refusal| &refusal.0))?;
    let problem = Problem {
        // The page of the documentation explains the code.
        r#type: format!("/docs#{}", code.name()),
        title: code.meaning(),
        status: code.status(),
        detail,
        code: code.name(),
        hint: hint.as_deref(),
    };
    serde_json::to_string(&problem).ok()
}
