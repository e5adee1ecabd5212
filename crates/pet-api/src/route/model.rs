//! The served model: `GET /model`, `/classes` and `/model/files/{name}`, `POST /model/reload`.

use std::hint::black_box;
use std::time::UNIX_EPOCH;

use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderValue};
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, web};
use pet_model::{
    CARD_FILE, CONFUSION_FILE, CURVES_FILE, INPUT_NAME, METRICS_FILE, OUTPUT_NAME, Preprocess,
    Results, SELECTION_FILE,
};
use serde::Serialize;

use crate::error::{ApiError, Code};
use crate::route::request::{get, post};
use crate::served::Served;
use crate::state::State;

/// The files that are shown, with their media types; no other name is looked up.
const FILES: [(&str, &str); 6] = [
    (METRICS_FILE, "application/json"),
    (SELECTION_FILE, "application/json"),
    (CURVES_FILE, "image/png"),
    (CONFUSION_FILE, "image/png"),
    ("mistakes.png", "image/png"),
    (CARD_FILE, "text/markdown; charset=utf-8"),
];

pub(crate) fn configure(services: &mut ServiceConfig) {
    services
        .service(get("/model", model))
        .service(get("/classes", classes))
        .service(get("/model/files/{name}", file))
        .service(post("/model/reload", reload));
}

/// The served model.
#[derive(Serialize)]
pub(crate) struct Description<'a> {
    name: &'a str,
    version: Option<&'a str>,
    run_id: Option<&'a str>,
    /// Accuracy on the validation split, 0 to 1.
    val_acc: Option<f64>,
    classes: usize,
    input: Tensor,
    output: Tensor,
    preprocess: &'a Preprocess,
    /// When it was loaded, in seconds since 1970.
    loaded_at: u64,
    /// Whether the service keeps corrections.
    feedback: bool,
    /// What `/model/files/{name}` has.
    files: Vec<&'static str>,
}

#[derive(Serialize)]
struct Tensor {
    name: &'static str,
    /// -1 stands for the batch, which is open.
    shape: Vec<i64>,
}

#[derive(Serialize)]
struct Classes<'a> {
    classes: &'a [String],
}

impl<'a> Description<'a> {
    pub(crate) fn new(served: &'a Served, state: &State) -> Self {
        let metadata = served.metadata();
        let size = i64::from(metadata.preprocess.size());
        let since = served.since().duration_since(UNIX_EPOCH);
        Self {
            name: &metadata.model_name,
            version: metadata.model_version.as_deref(),
            run_id: metadata.run_id.as_deref(),
            val_acc: metadata.val_acc,
            classes: metadata.classes.len(),
            input: Tensor {
                name: INPUT_NAME,
                shape: vec![-1, 3, size, size],
            },
            output: Tensor {
                name: OUTPUT_NAME,
                shape: vec![-1, metadata.classes.len() as i64],
            },
            preprocess: &metadata.preprocess,
            loaded_at: since.unwrap_or_default().as_secs(),
            feedback: state.feedback.is_some(),
            files: present(&state.configuration.results),
        }
    }
}

async fn model(state: Data<State>) -> HttpResponse {
    let served = state.served();
    HttpResponse::Ok().json(Description::new(&served, &state))
}

async fn classes(state: Data<State>) -> HttpResponse {
    let served = state.served();
    HttpResponse::Ok().json(Classes {
        classes: &served.metadata().classes,
    })
}

/// The names of the files that are there.
pub(crate) fn present(results: &Results) -> Vec<&'static str> {
    let names = FILES.iter().map(|(name, _)| *name);
    names.filter(|name| results.contains(name)).collect()
}

async fn file(state: Data<State>, name: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let missing = || {
        let detail = format!("there is no file `{name}` of the model");
        ApiError::new(Code::NotFound, detail).with_hint("`/model` lists its files".to_owned())
    };
    let known = FILES.iter().find(|(known, _)| *known == name.as_str());
    let (known, media_type) = *known.ok_or_else(missing)?;
    let results = state.configuration.results.clone();
    let content = web::block(move || results.read(known)).await;
    let content = content.map_err(|error| ApiError::internal(&error))?;
    let content = content.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => missing(),
        _ => ApiError::internal(&error),
    })?;
    Ok(HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(content))
}

async fn reload(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, ApiError> {
    authorize(&request, state.configuration.admin_token.as_deref())?;
    let served = state.reload().await?;
    Ok(HttpResponse::Ok().json(Description::new(&served, &state)))
}

/// Lets pass who knows the token. Without one, the path is as good as not there.
pub(crate) fn authorize(request: &HttpRequest, token: Option<&str>) -> Result<(), ApiError> {
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

    use super::*;

    #[test]
    fn only_the_whole_token_is_right() {
        assert!(same(b"secret", b"secret"));
        for wrong in ["", "s", "secre", "secret1", "Secret"] {
            assert!(!same(wrong.as_bytes(), b"secret"), "{wrong}");
        }
    }
}
