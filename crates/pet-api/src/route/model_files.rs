//! `GET /model/files/{name}`: figures and pictures of the served model, for people.

use std::path::Path;

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, Data, ServiceConfig};
use pet_model::{CARD_FILE, CONFUSION_FILE, CURVES_FILE, METRICS_FILE, SELECTION_FILE};

use super::get;
use crate::error::{ApiError, Code};
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

pub(super) fn configure(services: &mut ServiceConfig) {
    services.service(get("/model/files/{name}", file));
}

/// The names of the files that are there.
pub(super) fn present(results: &Path) -> Vec<&'static str> {
    let names = FILES.iter().map(|(name, _)| *name);
    names.filter(|name| results.join(name).is_file()).collect()
}

async fn file(state: Data<State>, name: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let missing = || {
        let detail = format!("there is no file `{name}` of the model");
        ApiError::new(Code::NotFound, detail).with_hint("`/model` lists its files".to_owned())
    };
    let known = FILES.iter().find(|(known, _)| *known == name.as_str());
    let (known, media_type) = *known.ok_or_else(missing)?;
    let path = state.configuration.results.join(known);
    let content = web::block(move || fs_err::read(path)).await;
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
