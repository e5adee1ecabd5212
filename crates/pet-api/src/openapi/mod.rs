//! `GET /openapi.json` and the page that shows it, `GET /docs`.
//!
//! The endpoints are described by a table of their own ([`endpoints`]), from which the document is
//! made; its refusals are rows of [`Code`](crate::Code). The metrics take their series from it too.

mod document;
mod endpoint;
mod endpoints;
mod page;
mod schema;

use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::web::ServiceConfig;

pub(crate) use endpoints::endpoints;

use crate::route::get;

pub(crate) fn configure(services: &mut ServiceConfig) {
    services.service(get("/openapi.json", openapi));
    page::configure(services);
}

async fn openapi() -> HttpResponse {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| format!("{:#}", document::document()));
    HttpResponse::Ok()
        .content_type("application/json")
        .body(text.as_str())
}
