//! The handlers, a file for each topic.

mod explain;
mod feedback;
mod image;
mod inference;
mod model;
mod page;
mod predict;
mod request;
mod service;
pub(crate) mod timing;

use actix_web::HttpRequest;
use actix_web::web::{self, ServiceConfig};

use crate::error::{ApiError, Code};
use crate::openapi::endpoints;

/// What stands in no document: files of the pages, and what is not there.
const UNDESCRIBED: [(&str, u16); 8] = [
    ("none", 404),
    ("/assets/{name}", 200),
    ("/assets/{name}", 304),
    ("/assets/{name}", 404),
    ("/docs/", 308),
    ("/docs/docs.css", 200),
    ("/docs/docs.js", 200),
    ("/v2/{path:.*}", 404),
];

/// Registers every route.
pub(crate) fn configure(services: &mut ServiceConfig) {
    for topic in [
        service::configure,
        predict::configure,
        explain::configure,
        feedback::configure,
        image::configure,
        model::configure,
        inference::configure,
        page::configure,
    ] {
        services.configure(topic);
    }
    services.default_service(web::to(missing));
}

/// Every route with each status that it may answer with; 204 to `OPTIONS`, 405 where it does not take the method.
pub(crate) fn answers() -> impl Iterator<Item = (&'static str, u16)> {
    let described = endpoints().flat_map(|endpoint| {
        let statuses = endpoint.statuses().chain([204, 405]);
        statuses.map(|status| (endpoint.path, status))
    });
    described.chain(UNDESCRIBED)
}

/// Any path without a route.
async fn missing(request: HttpRequest) -> Result<&'static str, ApiError> {
    let detail = format!("there is nothing at `{}`", request.path());
    Err(ApiError::new(Code::NotFound, detail).with_hint("`/docs` lists what there is".to_owned()))
}
