//! The page at `/`, the documentation at `/docs` and `/openapi.json`. Everything is embedded.

use std::sync::LazyLock;

use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue, LOCATION};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::asset::{Asset, HTML, PAGE, SCRIPT, STYLE, UNCHANGED, find};
use crate::endpoint::{Endpoint, get};
use crate::error::{ApiError, Code};
use crate::openapi::Document;

/// The content security policy: own files only, images also from the page's memory, and no framing by other pages.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static DOCS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        Asset::new("docs.html", HTML, include_str!("../../docs/docs.html")),
        Asset::new("docs.css", STYLE, include_str!("../../docs/docs.css")),
        Asset::new("docs.js", SCRIPT, include_str!("../../docs/docs.js")),
    ]
});

pub(crate) fn endpoints() -> [Endpoint; 8] {
    let docs = async |request| answer(&request, &DOCS[0]);
    let style = async |request| answer(&request, &DOCS[1]);
    let script = async |request| answer(&request, &DOCS[2]);
    let icon = async |request| file(request, Path::from("favicon.svg".to_owned())).await;
    [
        get("/", page)
            .content_types(["text/html"])
            .status(304, UNCHANGED)
            .about("Open the page", "The web page, for people."),
        get("/openapi.json", document)
            .content_types(["application/json"])
            .status(304, UNCHANGED)
            .about("Read this document", "OpenAPI 3.1."),
        get("/docs", docs)
            .content_types(["text/html"])
            .status(304, UNCHANGED)
            .about("Open this documentation", "A web page with this document, for people."),
        get("/docs/", without_slash).status(308, "Moved to `/docs`.").hidden(),
        get("/docs/docs.css", style).content_types(["text/css"]).status(304, UNCHANGED).hidden(),
        get("/docs/docs.js", script)
            .content_types(["text/javascript"])
            .status(304, UNCHANGED)
            .hidden(),
        // Browsers ask for it when they show an image or JSON.
        get("/favicon.ico", icon)
            .content_types(["image/svg+xml"])
            .status(304, UNCHANGED)
            .errors(&[Code::NotFound])
            .hidden(),
        get("/assets/{name}", file)
            .content_types(["text/css", "text/javascript", "image/svg+xml"])
            .status(304, UNCHANGED)
            .errors(&[Code::NotFound])
            .hidden(),
    ]
}

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

/// The links in the documentation are relative to a path without a trailing slash.
async fn without_slash() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "../docs")).finish()
}

/// A file with the content security policy.
fn answer(request: &HttpRequest, asset: &Asset) -> HttpResponse {
    let mut response = asset.answer(request);
    let policy = HeaderValue::from_static(POLICY);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}
