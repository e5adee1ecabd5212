//! The page at `/`, the documentation at `/docs` and `/openapi.json`. Everything is embedded.

use std::sync::LazyLock;

use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue, LOCATION};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::asset::{Asset, HTML, PAGE, SCRIPT, STYLE, find};
use crate::endpoint::{Endpoint, get};
use crate::error::{ApiError, Code};
use crate::openapi::Document;

/// Own files only; pictures may also come from the page's memory. No other page may frame this one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static DOCS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        Asset::new("docs.html", HTML, include_str!("../../docs/docs.html")),
        Asset::new("docs.css", STYLE, include_str!("../../docs/docs.css")),
        Asset::new("docs.js", SCRIPT, include_str!("../../docs/docs.js")),
    ]
});

pub(crate) fn endpoints() -> [Endpoint; 7] {
    let docs = async |request| answer(&request, &DOCS[0]);
    let style = async |request| answer(&request, &DOCS[1]);
    let script = async |request| answer(&request, &DOCS[2]);
    [
        get("/", page)
            .giving(["text/html"])
            .answering(304, UNCHANGED)
            .about("Open the page", "For people."),
        get("/openapi.json", document)
            .giving(["application/json"])
            .answering(304, UNCHANGED)
            .about("Read this document", "OpenAPI 3.1."),
        get("/docs", docs)
            .giving(["text/html"])
            .answering(304, UNCHANGED)
            .about("Open this documentation", "For people."),
        get("/docs/", without_slash)
            .answering(308, "It is elsewhere.")
            .hidden(),
        get("/docs/docs.css", style)
            .giving(["text/css"])
            .answering(304, UNCHANGED)
            .hidden(),
        get("/docs/docs.js", script)
            .giving(["text/javascript"])
            .answering(304, UNCHANGED)
            .hidden(),
        get("/assets/{name}", file)
            .giving(["text/css", "text/javascript", "image/svg+xml"])
            .answering(304, UNCHANGED)
            .refusing(&[Code::NotFound])
            .hidden(),
    ]
}

/// What a browser that has a file already is told.
const UNCHANGED: &str = "The file has not changed.";

async fn page(request: HttpRequest) -> HttpResponse {
    answer(&request, &PAGE)
}

async fn file(request: HttpRequest, name: Path<String>) -> Result<HttpResponse, ApiError> {
    find(&name)
        .map(|asset| answer(&request, asset))
        .ok_or_else(|| ApiError::new(Code::NotFound, format!("the page has no file `{name}`")))
}

async fn document(request: HttpRequest, document: Data<Document>) -> HttpResponse {
    document.0.answer(&request)
}

/// The documentation's links are relative to an address without a slash at its end.
async fn without_slash() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, "../docs"))
        .finish()
}

/// A file for a browser, with the policy of what it may load.
fn answer(request: &HttpRequest, asset: &Asset) -> HttpResponse {
    let mut response = asset.answer(request);
    let policy = HeaderValue::from_static(POLICY);
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, policy);
    response
}
