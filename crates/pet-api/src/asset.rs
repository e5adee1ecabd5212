//! Files that are embedded in the program: the page, its parts, and the documentation.

use std::io::Write as _;
use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{
    AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, ContentEncoding, ETag, Encoding, EntityTag,
    Header as _, HeaderValue, IfNoneMatch, VARY,
};
use actix_web::{HttpMessage, HttpRequest, HttpResponseBuilder, web::Bytes};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// Hexadecimal digits of the content's digest in its tag.
const TAG_DIGITS: usize = 16;

pub(crate) fn entity_tag(content: &[u8]) -> EntityTag {
    let mut digest = format!("{:x}", Sha256::digest(content));
    digest.truncate(TAG_DIGITS);
    EntityTag::new_weak(digest)
}

/// The head of a response with the content of this tag, and whether the client has it already: then, the status is 304.
pub(crate) fn tagged(request: &HttpRequest, tag: EntityTag) -> (HttpResponseBuilder, bool) {
    let is_known = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|one| one.weak_eq(&tag)),
        Ok(IfNoneMatch::Any) => true,
        Err(_) => false,
    };
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header(ETag(tag))
        // Browsers revalidate every time, so that the page and its scripts are always of one version.
        .insert_header((CACHE_CONTROL, "no-cache"));
    (response, is_known)
}

pub(crate) struct Asset {
    name: &'static str,
    media_type: &'static str,
    pub(crate) content: Bytes,
    /// The content compressed with gzip, unless that is no smaller.
    compressed: Option<Bytes>,
    /// A weak tag, because both forms of the content have the same.
    tag: EntityTag,
}

impl Asset {
    /// Derives the media type from the name, and the tag from the content.
    pub(crate) fn new(name: &'static str, content: impl Into<Bytes>) -> Self {
        let media_type = match name.rsplit_once('.') {
            Some((_, "html")) => "text/html; charset=utf-8",
            Some((_, "css")) => "text/css; charset=utf-8",
            Some((_, "js")) => "text/javascript; charset=utf-8",
            Some((_, "svg")) => "image/svg+xml",
            Some((_, "json")) => "application/json",
            _ => "application/octet-stream",
        };
        let content = content.into();
        let compressed = gzip(&content).filter(|bytes| bytes.len() < content.len());
        Self { name, media_type, compressed, tag: entity_tag(&content), content }
    }

    /// The content, compressed for clients that accept gzip; or 304 for clients that have it already.
    pub(crate) fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let (mut response, is_known) = tagged(request, self.tag.clone());
        response.insert_header((VARY, HeaderValue::from_static("accept-encoding")));
        if is_known {
            return response.finish();
        }
        response.content_type(self.media_type);
        match self.compressed.clone().filter(|_| accepts_gzip(request)) {
            Some(compressed) => {
                response.insert_header((CONTENT_ENCODING, ContentEncoding::Gzip)).body(compressed)
            }
            None => response.body(self.content.clone()),
        }
    }
}

/// Whether the client asks for gzip. One that names no encoding gets the content as it is.
fn accepts_gzip(request: &HttpRequest) -> bool {
    let accepted = request.get_header::<AcceptEncoding>();
    let offered = [Encoding::gzip(), Encoding::identity()];
    let chosen = accepted.and_then(|accepted| accepted.negotiate(offered.iter()));
    chosen == Some(Encoding::gzip())
}

fn gzip(content: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

macro_rules! assets {
    ($($name:literal),*) => {
        [$(Asset::new($name, include_bytes!(concat!("../assets/", $name)).as_slice())),*]
    };
}

pub(crate) static PAGE: LazyLock<Asset> = LazyLock::new(|| {
    let [page] = assets!["index.html"];
    page
});

#[rustfmt::skip] // Several names per line.
static ASSETS: LazyLock<[Asset; 27]> = LazyLock::new(|| {
    assets![
        "photograph.css", "style.css", "favicon.svg", "answers.js", "box.js", "call.js", "camera.js",
        "crop.js", "elements.js", "explain.js", "format.js", "geometry.js", "intake.js", "main.js",
        "model.js", "part.js", "photo.js", "photograph.js", "predict.js", "recipe.js", "service.js",
        "tabs.js", "transform.js", "verdict.js", "visit.js", "words.js", "work.js"
    ]
});

pub(crate) fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Largest size of the page in bytes, so that it opens at once.
    const PAGE_BYTES: usize = 93_000;

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
        let mut files = 0;
        for entry in fs_err::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            files += 1;
            assert!(name == PAGE.name || find(&name).is_some(), "{name}");
        }
        assert_eq!(files, ASSETS.len() + 1);
    }

    #[test]
    fn the_page_is_small() {
        let assets: usize = ASSETS.iter().map(|asset| asset.content.len()).sum();
        let bytes = assets + PAGE.content.len();
        assert!(bytes < PAGE_BYTES, "{bytes}");
    }

    #[test]
    fn names_and_tags_are_unique() {
        for (place, asset) in ASSETS.iter().enumerate() {
            for other in &ASSETS[..place] {
                assert_ne!(asset.name, other.name);
                assert_ne!(asset.tag, other.tag);
            }
        }
    }

    /// The content security policy forbids both, and a browser would ignore them silently.
    #[test]
    fn the_page_has_no_inline_script_or_style() {
        let page = std::str::from_utf8(&PAGE.content).unwrap();
        for forbidden in ["<style", "style=", "<script>", "onclick=", "javascript:", "http://"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("<title>MLOps Lab API</title>"));
    }
}
