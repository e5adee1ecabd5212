//! The page at `/docs`: shows the document and tries the endpoints out. Everything is embedded.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::web::ServiceConfig;

use crate::route::get;

/// Own files only; an answer's image comes from the page's memory.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = include_str!("page/docs.html");
const STYLE: &str = include_str!("page/docs.css");
const SCRIPT: &str = include_str!("page/docs.js");

pub(super) fn configure(services: &mut ServiceConfig) {
    services
        .service(get("/docs", async || text("text/html", HTML)))
        .service(get("/docs/docs.css", async || text("text/css", STYLE)))
        .service(get("/docs/docs.js", async || {
            text("text/javascript", SCRIPT)
        }));
}

fn text(kind: &str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(format!("{kind}; charset=utf-8"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .body(text)
}
