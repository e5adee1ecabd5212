//! The page at `/`, the documentation at `/docs` and `/openapi.json`. Everything is embedded.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETag, Header as _, IfNoneMatch, LOCATION,
};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::asset::{Asset, PAGE, find};
use crate::endpoint::{Endpoint, get};
use crate::error::{ApiError, Code};
use crate::openapi::Document;

/// Own files only; pictures may also come from the page's memory. No other page may frame this one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = include_str!("../../docs/docs.html");
const STYLE: &str = include_str!("../../docs/docs.css");
const SCRIPT: &str = include_str!("../../docs/docs.js");

pub(crate) fn endpoints() -> [Endpoint; 7] {
    let docs = async || text("text/html", HTML);
    let style = async || text("text/css", STYLE);
    let script = async || text("text/javascript", SCRIPT);
    [
        get("/", page)
            .giving(["text/html"])
            .answering(304, UNCHANGED)
            .about("Open the page", "For people."),
        get("/openapi.json", document)
            .giving(["application/json"])
            .about("Read this document", "OpenAPI 3.1."),
        get("/docs", docs)
            .giving(["text/html"])
            .about("Open this documentation", "For people."),
        get("/docs/", without_slash)
            .answering(308, "It is elsewhere.")
            .hidden(),
        get("/docs/docs.css", style).giving(["text/css"]).hidden(),
        get("/docs/docs.js", script)
            .giving(["text/javascript"])
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

/// The file, or that the browser has it already.
fn answer(request: &HttpRequest, asset: &'static Asset) -> HttpResponse {
    let known = is_known(request, asset);
    let mut response = if known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header(ETag(asset.tag.clone()))
        // A browser asks each time, so that the page and its scripts are never of two versions.
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY));
    if known {
        return response.finish();
    }
    response.content_type(asset.media_type).body(asset.bytes)
}

fn is_known(request: &HttpRequest, asset: &Asset) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&asset.tag)),
        Ok(IfNoneMatch::Any) | Err(_) => false,
    }
}

async fn document(document: Data<Document>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(document.0.clone())
}

/// The documentation's links are relative to an address without a slash at its end.
async fn without_slash() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, "../docs"))
        .finish()
}

fn text(kind: &str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(format!("{kind}; charset=utf-8"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .body(text)
}
