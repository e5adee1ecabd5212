//! What only the administrator may ask for.

use std::future::{Ready, ready};
use std::hint::black_box;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::{FromRequest, HttpRequest};

use crate::endpoint::{Described, Operation};
use crate::error::{ApiError, Code};
use crate::upload::state;

/// Lets pass who knows the token. Without one, the path is as good as not there.
pub(crate) struct Administrator;

impl Described for Administrator {
    fn describe(operation: &mut Operation) {
        operation.asks_for_token();
    }
}

impl FromRequest for Administrator {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = state(request).map(|state| state.configuration.admin_token.clone());
        ready(token.and_then(|token| authorize(request, token.as_deref())))
    }
}

fn authorize(request: &HttpRequest, token: Option<&str>) -> Result<Administrator, ApiError> {
    let Some(token) = token else {
        let detail = "the service runs without an administrator's token";
        return Err(ApiError::new(Code::NotFound, detail));
    };
    let given = request.headers().get(AUTHORIZATION).and_then(bearer);
    if given.is_some_and(|given| same(given, token.as_bytes())) {
        Ok(Administrator)
    } else {
        let detail = "the administrator's token is missing or wrong";
        let hint = "send it as `Authorization: Bearer TOKEN`".to_owned();
        Err(ApiError::new(Code::Unauthorized, detail).with_hint(hint))
    }
}

fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    value.as_bytes().strip_prefix(b"Bearer ")
}

/// Compares in a time that does not tell how much of a guess is right.
fn same(given: &[u8], expected: &[u8]) -> bool {
    let pairs = given.iter().zip(expected);
    let difference = pairs.fold(0, |difference, (one, other)| {
        black_box(difference | (one ^ other))
    });
    given.len() == expected.len() && difference == 0
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn only_the_whole_token_is_right() {
        assert!(same(b"secret", b"secret"));
        for wrong in ["", "s", "secre", "secret1", "Secret"] {
            assert!(!same(wrong.as_bytes(), b"secret"), "{wrong}");
        }
    }
}
