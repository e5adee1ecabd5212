//! The files of the page, embedded in the program.

use std::fmt::Write as _;
use std::sync::LazyLock;

use actix_web::http::header::EntityTag;
use sha2::{Digest, Sha256};

/// Digits of the content's digest in its tag: enough that two versions never meet.
const TAG_DIGITS: usize = 16;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// A file of the page.
pub(crate) struct Asset {
    name: &'static str,
    pub(crate) media_type: &'static str,
    pub(crate) bytes: &'static [u8],
    /// Made of the content: a browser that has these bytes need not fetch them again.
    pub(crate) tag: EntityTag,
}

impl Asset {
    fn new((name, media_type, bytes): (&'static str, &'static str, &'static [u8])) -> Self {
        let mut digest = String::new();
        for byte in Sha256::digest(bytes).iter().take(TAG_DIGITS / 2) {
            // Writing to a string cannot fail.
            let _ = write!(digest, "{byte:02x}");
        }
        Self {
            name,
            media_type,
            bytes,
            tag: EntityTag::new_strong(digest),
        }
    }
}

macro_rules! file {
    ($media_type:expr, $name:literal) => {
        (
            $name,
            $media_type,
            include_bytes!(concat!("../assets/", $name)) as &'static [u8],
        )
    };
}

/// The page itself.
pub(crate) static PAGE: LazyLock<Asset> = LazyLock::new(|| Asset::new(file!(HTML, "index.html")));

/// What the page is made of.
static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    [
        file!(STYLE, "photograph.css"),
        file!(STYLE, "style.css"),
        file!(SVG, "favicon.svg"),
        file!(SCRIPT, "answers.js"),
        file!(SCRIPT, "box.js"),
        file!(SCRIPT, "call.js"),
        file!(SCRIPT, "camera.js"),
        file!(SCRIPT, "crop.js"),
        file!(SCRIPT, "elements.js"),
        file!(SCRIPT, "explain.js"),
        file!(SCRIPT, "format.js"),
        file!(SCRIPT, "geometry.js"),
        file!(SCRIPT, "intake.js"),
        file!(SCRIPT, "main.js"),
        file!(SCRIPT, "model.js"),
        file!(SCRIPT, "part.js"),
        file!(SCRIPT, "photo.js"),
        file!(SCRIPT, "photograph.js"),
        file!(SCRIPT, "predict.js"),
        file!(SCRIPT, "recipe.js"),
        file!(SCRIPT, "service.js"),
        file!(SCRIPT, "tabs.js"),
        file!(SCRIPT, "transform.js"),
        file!(SCRIPT, "verdict.js"),
        file!(SCRIPT, "visit.js"),
        file!(SCRIPT, "words.js"),
        file!(SCRIPT, "work.js"),
    ]
    .map(Asset::new)
    .into()
});

/// The file of this name.
pub(crate) fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Most bytes of the page, so that it opens at once.
    const PAGE_BYTES: usize = 91_000;

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
        let assets: usize = ASSETS.iter().map(|asset| asset.bytes.len()).sum();
        let bytes = assets + PAGE.bytes.len();
        assert!(bytes < PAGE_BYTES, "{bytes}");
    }

    #[test]
    fn equal_names_and_tags_do_not_occur() {
        for (place, asset) in ASSETS.iter().enumerate() {
            for other in &ASSETS[..place] {
                assert_ne!(asset.name, other.name);
                assert_ne!(asset.tag, other.tag);
            }
        }
    }

    /// The policy forbids both; a browser would drop them without a word.
    #[test]
    fn the_page_has_no_script_and_no_style_in_its_text() {
        let page = std::str::from_utf8(PAGE.bytes).unwrap();
        for forbidden in [
            "<style",
            "style=",
            "<script>",
            "onclick=",
            "javascript:",
            "http://",
        ] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("<title>MLOps Lab API</title>"));
    }
}
