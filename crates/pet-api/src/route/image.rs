//! `POST /resize`, `/grayscale`, `/crop` and `/normalize`: transformations of an image.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::Data;
use pet_image::{
    Cost, CropBox, Error, Filter, Format, MAX_OUTPUT_PIXELS, RgbImage, contrast_stretch, cost,
    crop, decode, encode_gray, encode_rgb, grayscale, resize,
};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;
use tracing::info_span;

use crate::access::server_timing;
use crate::endpoint::{Topic, post};
use crate::error::{ApiError, printable};
use crate::memory::{hold, timed_body};
use crate::queue::Worker;
use crate::route::request::Query;
use crate::state::State;
use crate::upload::Upload;

/// Work for each pixel of the result, relative to decoding a JPEG.
const TRANSFORM_WORK: u64 = 4;

/// Bytes for each pixel of the result: the pixel, that of an intermediate image, and the file.
const TRANSFORM_BYTES: u64 = 9;

/// Longest file name; longer ones are truncated.
const MAX_CHARS: usize = 100;

pub(crate) fn topic() -> Topic {
    let endpoints = [
        post("/resize", resized)
            .about("Resize", "Stretches the image to a size (Lanczos)."),
        post("/grayscale", gray).about("Convert to grayscale", "Keeps a single 8-bit channel."),
        post("/crop", cropped).about(
            "Crop",
            "Cuts out a box; anything outside the image is black.",
        ),
        post("/normalize", normalized).about(
            "Normalize",
            "Normalizes each channel by its mean and standard deviation, then scales the result to the full range of levels.",
        ),
    ];
    let media_types = Format::WRITTEN.map(Format::media_type);
    Topic {
        name: "image",
        description: "Image operations; the response is an image in the format of the upload (PNG for TIFF), as an attachment.",
        endpoints: endpoints.map(|one| one.content_types(media_types)).into(),
    }
}

#[derive(Deserialize, JsonSchema)]
struct Size {
    /// Width in pixels.
    #[serde(default = "side")]
    #[schemars(range(min = 1))]
    width: u32,
    /// Height in pixels.
    #[serde(default = "side")]
    #[schemars(range(min = 1))]
    height: u32,
}

#[derive(Deserialize, JsonSchema)]
struct Edges {
    /// First column to keep, from 0.
    #[serde(default)]
    left: u32,
    /// First row to keep, from 0.
    #[serde(default)]
    top: u32,
    /// First column after the box.
    #[serde(default = "side")]
    right: u32,
    /// First row after the box.
    #[serde(default = "side")]
    bottom: u32,
}

/// The side of the model's input in pixels.
fn side() -> u32 {
    224
}

async fn resized(
    state: Data<State>,
    Query(Size { width, height }): Query<Size>,
    upload: Upload,
) -> Result<HttpResponse, ApiError> {
    let output = u64::from(width) * u64::from(height);
    transformed(&state, upload, "resized", Some(output), move |image, format| {
        encode_rgb(&resize(image, width, height, Filter::Lanczos)?, format)
    })
    .await
}

async fn gray(state: Data<State>, upload: Upload) -> Result<HttpResponse, ApiError> {
    transformed(&state, upload, "gray", None, |image, format| {
        encode_gray(&grayscale(image), format)
    })
    .await
}

async fn cropped(
    state: Data<State>,
    Query(Edges { left, top, right, bottom }): Query<Edges>,
    upload: Upload,
) -> Result<HttpResponse, ApiError> {
    let area = CropBox { left, top, right, bottom };
    transformed(&state, upload, "cropped", None, move |image, format| {
        encode_rgb(&crop(image, area)?, format)
    })
    .await
}

async fn normalized(state: Data<State>, upload: Upload) -> Result<HttpResponse, ApiError> {
    transformed(&state, upload, "normalized", None, |image, format| {
        encode_rgb(&contrast_stretch(image), format)
    })
    .await
}

/// Changes the image on a worker to a file of one of `output` pixels, by default its own number, and returns it as an
/// attachment with a prefixed name.
async fn transformed(
    state: &State,
    upload: Upload,
    prefix: &str,
    output: Option<u64>,
    change: impl FnOnce(&RgbImage, Format) -> Result<Vec<u8>, Error> + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let Upload { name, body, deadline } = upload;
    let limits = state.configuration.limits;
    let decoding = cost(&body, &limits);
    let output = output.unwrap_or(decoding.pixels);
    // An output that is too large is rejected before it is allocated, so it costs nothing.
    let output = if output > MAX_OUTPUT_PIXELS { 0 } else { output };
    let cost = Cost {
        memory: decoding.memory + output * TRANSFORM_BYTES,
        work: decoding.work + output * TRANSFORM_WORK,
        ..decoding
    };
    let work = move |_: &Worker| {
        let start = Instant::now();
        let decoded = info_span!("decode").in_scope(|| decode(&body, &limits))?;
        let (read, written) = (decoded.format, decoded.format.written());
        let (decoding, start) = (start.elapsed(), Instant::now());
        let changed = info_span!("change").in_scope(|| change(&decoded.image, written))?;
        Ok((changed, read, [decoding, start.elapsed()]))
    };
    let done = state.queue.run(deadline, cost, work).await?;
    let (image, read, [decoding, changing]) = done.value;
    let format = read.written();
    let name = if format == read { name } else { name.map(|name| renamed(&name, format)) };
    let took = [("queue", done.waited), ("decode", decoding), ("change", changing)];
    let memory = state.memory.reserve_response(image.len(), None)?;
    let disposition = attachment(prefix, name.as_deref(), format.extension());
    Ok(HttpResponse::Ok()
        .content_type(format.media_type())
        .insert_header(server_timing(&took))
        .insert_header((CONTENT_DISPOSITION, disposition))
        .body(timed_body(hold(image, memory), state.deadline())))
}

/// A file name with the extension of another format.
fn renamed(name: &str, format: Format) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    format!("{stem}.{}", format.extension())
}

/// The value of `Content-Disposition` for a result named `PREFIX_NAME`.
fn attachment(prefix: &str, name: Option<&str>, extension: &str) -> String {
    let name = name.map(base_name).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| format!("image.{extension}"));
    let name = format!("{prefix}_{name}");
    if name.bytes().all(is_token) {
        return format!("attachment; filename={name}");
    }
    let plain: String = name.chars().map(|char| if is_plain(char) { char } else { '_' }).collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    let encode = |byte| {
        if is_token(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    let encoded: String = name.bytes().map(encode).collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

/// The last component of a name that may be a path.
fn base_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = printable(last.to_owned()).chars().take(MAX_CHARS).collect();
    kept.trim().trim_start_matches('.').to_owned()
}

/// `attr-char` of RFC 8187, which is allowed in a `token` of RFC 9110 too.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte)
}

/// A character that every client understands in a quoted name.
fn is_plain(char: char) -> bool {
    (char.is_ascii_graphic() || char == ' ') && !matches!(char, '"' | '\\' | '%' | ';')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> String {
        attachment("gray", Some(name), "png")
    }

    #[test]
    fn plain_names_are_kept() {
        assert_eq!(named("a-dog.png"), "attachment; filename=gray_a-dog.png");
        assert_eq!(named("my dog.png"), "attachment; filename=\"gray_my dog.png\"");
        assert_eq!(attachment("gray", None, "png"), "attachment; filename=gray_image.png");
    }

    #[test]
    fn names_cannot_inject_headers_or_paths() {
        assert_eq!(named("../../etc/passwd"), "attachment; filename=gray_passwd");
        assert_eq!(named(r"C:\dogs\rex.png"), "attachment; filename=gray_rex.png");
        assert_eq!(named(".."), "attachment; filename=gray_image.png");
        assert_eq!(named("a\r\nSet-Cookie: x=1"), "attachment; filename=\"gray_aSet-Cookie: x=1\"");
        assert_eq!(
            named("a\"; filename=b.exe"),
            "attachment; filename=\"gray_a__ filename=b.exe\"; filename*=UTF-8''gray_a%22%3B%20filename%3Db.exe"
        );
        assert_eq!(
            named("Käthe.png"),
            "attachment; filename=\"gray_K_the.png\"; filename*=UTF-8''gray_K%C3%A4the.png"
        );
        assert!(named(&"x".repeat(5000)).len() < 200);
    }

    #[test]
    fn directional_characters_are_removed() {
        assert_eq!(named("a\u{202e}gpj.exe\u{2066}\u{200f}"), "attachment; filename=gray_agpj.exe");
    }
}
