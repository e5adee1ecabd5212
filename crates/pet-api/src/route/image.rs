//! `POST /resize`, `/grayscale`, `/crop` and `/normalize`: the image, changed, in its own format.

use std::num::NonZero;

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::{Data, ServiceConfig};
use pet_image::{
    Cost, CropBox, Decoded, Error, Filter, MAX_OUTPUT_PIXELS, contrast_stretch, cost, crop, decode,
    encode_gray, encode_rgb, grayscale, resize,
};
use tokio::time::Instant;
use tracing::info_span;

use crate::error::ApiError;
use crate::file_name::attachment;
use crate::held::Held;
use crate::route::request::Parameters;
use crate::route::request::post;
use crate::route::timing::phases;
use crate::state::State;
use crate::upload::Upload;

/// Times that the pixels of a result are gone over, compared with decoding a JPEG.
const WORK: u64 = 4;

/// The default of every size, in pixels: the side of the model's input.
const SIDE: u32 = 224;

pub(crate) fn configure(services: &mut ServiceConfig) {
    services
        .service(post("/resize", resized))
        .service(post("/grayscale", gray))
        .service(post("/crop", cropped))
        .service(post("/normalize", normalized));
}

async fn resized(
    state: Data<State>,
    parameters: Parameters,
    upload: Upload,
) -> Result<HttpResponse, ApiError> {
    let side = |name| {
        let given = parameters.get::<NonZero<u32>>(name, "a whole number of pixels from 1");
        given.map(|side| side.map_or(SIDE, NonZero::get))
    };
    let (width, height) = (side("width")?, side("height")?);
    let change = move |decoded: Decoded| {
        let resized = resize(&decoded.image, width, height, Filter::Lanczos)?;
        encode_rgb(&resized, decoded.format)
    };
    let output = u64::from(width) * u64::from(height);
    changed(&state, upload, "resized", Some(output), change).await
}

async fn gray(state: Data<State>, upload: Upload) -> Result<HttpResponse, ApiError> {
    let change = |decoded: Decoded| encode_gray(&grayscale(&decoded.image), decoded.format);
    changed(&state, upload, "gray", None, change).await
}

async fn cropped(
    state: Data<State>,
    parameters: Parameters,
    upload: Upload,
) -> Result<HttpResponse, ApiError> {
    let area = CropBox {
        left: edge(&parameters, "left", 0)?,
        top: edge(&parameters, "top", 0)?,
        right: edge(&parameters, "right", SIDE)?,
        bottom: edge(&parameters, "bottom", SIDE)?,
    };
    let change = move |decoded: Decoded| encode_rgb(&crop(&decoded.image, area)?, decoded.format);
    changed(&state, upload, "cropped", None, change).await
}

async fn normalized(state: Data<State>, upload: Upload) -> Result<HttpResponse, ApiError> {
    let change = |decoded: Decoded| encode_rgb(&contrast_stretch(&decoded.image), decoded.format);
    changed(&state, upload, "normalized", None, change).await
}

/// The place of an edge.
fn edge(parameters: &Parameters, name: &str, default: u32) -> Result<u32, ApiError> {
    let given = parameters.get(name, "a whole number of pixels")?;
    Ok(given.unwrap_or(default))
}

/// Bytes that a change takes for each pixel of its result: the levels, those of a first pass, and the file.
const CHANGE: u64 = 9;

/// Has a worker change the image to one of `output` pixels, or at most its own, and offers the result under its name
/// with a prefix.
async fn changed(
    state: &State,
    upload: Upload,
    prefix: &str,
    output: Option<u64>,
    change: impl FnOnce(Decoded) -> Result<Vec<u8>, Error> + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let Upload {
        name,
        body,
        deadline,
    } = upload;
    let limits = state.configuration.limits;
    let decoding = cost(&body, &limits);
    let output = output.unwrap_or(decoding.pixels);
    // What is too large is refused before it is made.
    let output = if output > MAX_OUTPUT_PIXELS {
        0
    } else {
        output
    };
    let cost = Cost {
        memory: decoding.memory + output * CHANGE,
        work: decoding.work + output * WORK,
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
        .run(deadline.0, cost, move |_| {
            work(&body).map_err(|error| ApiError::image(&error))
        })
        .await?;
    let (image, format, [decoding, changing]) = done.value;
    let took = [
        ("queue", done.waited),
        ("decode", decoding),
        ("change", changing),
    ];
    let memory = state.memory.answer(image.len())?;
    let until = Instant::now() + state.configuration.request_timeout;
    let disposition = attachment(prefix, name.as_deref(), format.extension());
    Ok(HttpResponse::Ok()
        .content_type(format.media_type())
        .insert_header(phases(&took))
        .insert_header((CONTENT_DISPOSITION, disposition))
        .body(Held::new(image, memory, until)))
}
