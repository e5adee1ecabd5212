//! The page at `/` and its files, embedded in the program.

mod asset;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETag, Header as _, IfNoneMatch,
};
use actix_web::web::{Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use crate::error::{ApiError, Code};
use crate::route::get;
use asset::{Asset, PAGE};

/// Own files only; pictures may also come from the page's memory.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'";

pub(crate) fn configure(services: &mut ServiceConfig) {
    services.service(get("/", page));
    services.service(get("/assets/{name}", file));
}

async fn page(request: HttpRequest) -> HttpResponse {
    answer(&request, &PAGE)
}

async fn file(request: HttpRequest, name: Path<String>) -> Result<HttpResponse, ApiError> {
    asset::find(&name)
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
