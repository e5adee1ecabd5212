//! Authorization of administrative requests.

use std::future::{Ready, ready};
use std::hint::black_box;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::{FromRequest, HttpRequest};

use crate::endpoint::{Describe, Operation};
use crate::error::{ApiError, Code};
use crate::state::State;

/// Requires the administrator's token. If none is configured, the route is not found.
pub(crate) struct Administrator;

impl Describe for Administrator {
    fn describe(operation: &mut Operation) {
        operation.require_token();
    }
}

impl FromRequest for Administrator {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let given = request.headers().get(AUTHORIZATION);
        let given = given.map(HeaderValue::as_bytes);
        let state = State::of(request);
        ready(state.and_then(|state| authorize(given, &state)).map(|()| Self))
    }
}

/// Checks the value of the header `Authorization`.
pub(crate) fn authorize(given: Option<&[u8]>, state: &State) -> Result<(), ApiError> {
    let Some(token) = &state.configuration.admin_token else {
        let detail = "the service runs without an admin token";
        return Err(ApiError::new(Code::NotFound, detail));
    };
    let given = given.and_then(|given| given.strip_prefix(b"Bearer "));
    if given.is_some_and(|given| constant_time_eq(given, token.as_bytes())) {
        Ok(())
    } else {
        let detail = "the admin token is missing or wrong";
        let hint = "send it as `Authorization: Bearer TOKEN`".to_owned();
        Err(ApiError::new(Code::Unauthorized, detail).with_hint(hint))
    }
}

/// Compares in a time that does not depend on how much of a guess is right.
fn constant_time_eq(given: &[u8], expected: &[u8]) -> bool {
    let pairs = given.iter().zip(expected);
    let difference =
        pairs.fold(0, |difference, (one, other)| black_box(difference | (one ^ other)));
    given.len() == expected.len() && difference == 0
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn only_the_whole_token_is_accepted() {
        assert!(constant_time_eq(b"secret", b"secret"));
        for wrong in ["", "s", "secre", "secret1", "Secret"] {
            assert!(!constant_time_eq(wrong.as_bytes(), b"secret"), "{wrong}");
        }
    }
}
