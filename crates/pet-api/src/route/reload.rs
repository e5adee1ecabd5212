//! `POST /model/reload`: serves the model that lies in the results folder now.

use std::hint::black_box;

use actix_web::HttpResponse;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, http::header::HeaderValue};

use super::model::Description;
use super::post;
use crate::error::{ApiError, Code};
use crate::state::State;

pub(super) fn configure(services: &mut ServiceConfig) {
    services.service(post("/model/reload", reload));
}

async fn reload(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, ApiError> {
    authorize(&request, state.configuration.admin_token.as_deref())?;
    let served = state.reload().await?;
    Ok(HttpResponse::Ok().json(Description::new(&served, &state)))
}

/// Lets pass who knows the token. Without one, the path is as good as not there.
fn authorize(request: &HttpRequest, token: Option<&str>) -> Result<(), ApiError> {
    let Some(token) = token else {
        let detail = "the service runs without an administrator's token";
        return Err(ApiError::new(Code::NotFound, detail));
    };
    let given = request.headers().get(AUTHORIZATION).and_then(bearer);
    if given.is_some_and(|given| same(given, token.as_bytes())) {
        Ok(())
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
    use super::same;

    #[test]
    fn only_the_whole_token_is_right() {
        assert!(same(b"secret", b"secret"));
        for wrong in ["", "s", "secre", "secret1", "Secret"] {
            assert!(!same(wrong.as_bytes(), b"secret"), "{wrong}");
        }
    }
}
