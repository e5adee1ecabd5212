//! `POST /resize`, `/grayscale`, `/crop` and `/normalize`: transformations of an image.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::Data;
use pet_image::{
    Cost, CropBox, Decoded, Error, Filter, Format, MAX_OUTPUT_PIXELS, contrast_stretch, cost, crop,
    decode, encode_gray, encode_rgb, grayscale, resize,
};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;
use tracing::info_span;

use crate::endpoint::{Topic, post};
use crate::error::ApiError;
use crate::file_name::attachment;
use crate::route::query::Query;
use crate::route::timing::server_timing;
use crate::state::State;
use crate::timed_body::TimedBody;
use crate::upload::Upload;

/// Work for each pixel of the result, relative to decoding a JPEG.
const TRANSFORM_WORK: u64 = 4;

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
    let change = move |decoded: Decoded| {
        let resized = resize(&decoded.image, width, height, Filter::Lanczos)?;
        encode_rgb(&resized, decoded.format.written())
    };
    let output = u64::from(width) * u64::from(height);
    transformed(&state, upload, "resized", Some(output), change).await
}

async fn gray(state: Data<State>, upload: Upload) -> Result<HttpResponse, ApiError> {
    let change =
        |decoded: Decoded| encode_gray(&grayscale(&decoded.image), decoded.format.written());
    transformed(&state, upload, "gray", None, change).await
}

async fn cropped(
    state: Data<State>,
    Query(edges): Query<Edges>,
    upload: Upload,
) -> Result<HttpResponse, ApiError> {
    let area =
        CropBox { left: edges.left, top: edges.top, right: edges.right, bottom: edges.bottom };
    let change =
        move |decoded: Decoded| encode_rgb(&crop(&decoded.image, area)?, decoded.format.written());
    transformed(&state, upload, "cropped", None, change).await
}

async fn normalized(state: Data<State>, upload: Upload) -> Result<HttpResponse, ApiError> {
    let change =
        |decoded: Decoded| encode_rgb(&contrast_stretch(&decoded.image), decoded.format.written());
    transformed(&state, upload, "normalized", None, change).await
}

/// A file name with the extension of another format.
fn renamed(name: &str, format: Format) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    format!("{stem}.{}", format.extension())
}

/// Bytes for each pixel of the result: the pixel, that of an intermediate image, and the file.
const TRANSFORM_BYTES: u64 = 9;

/// Transforms the image on a worker to one of `output` pixels, by default its own number, and returns the result as an
/// attachment with a prefixed name.
async fn transformed(
    state: &State,
    upload: Upload,
    prefix: &str,
    output: Option<u64>,
    change: impl FnOnce(Decoded) -> Result<Vec<u8>, Error> + Send + 'static,
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
    let work = move |body: &[u8]| {
        let start = Instant::now();
        let decoded = info_span!("decode").in_scope(|| decode(body, &limits))?;
        let (format, decoding) = (decoded.format, start.elapsed());
        let start = Instant::now();
        let changed = info_span!("change").in_scope(|| change(decoded))?;
        Ok((changed, format, [decoding, start.elapsed()]))
    };
    let done = state
        .queue
        .run(deadline.0, cost, move |_| work(&body).map_err(|error| ApiError::image(&error)))
        .await?;
    let (image, read, [decoding, changing]) = done.value;
    let format = read.written();
    let name = if format == read { name } else { name.map(|name| renamed(&name, format)) };
    let took = [("queue", done.waited), ("decode", decoding), ("change", changing)];
    let memory = state.memory.reserve_response(image.len())?;
    let until = Instant::now() + state.configuration.request_timeout;
    let disposition = attachment(prefix, name.as_deref(), format.extension());
    Ok(HttpResponse::Ok()
        .content_type(format.media_type())
        .insert_header(server_timing(&took))
        .insert_header((CONTENT_DISPOSITION, disposition))
        .body(TimedBody::new(image, memory, until)))
}
