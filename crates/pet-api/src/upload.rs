//! Request bodies, with limits of size, memory and time. Nothing is written to disk.
//!
//! | extractor | extracts |
//! |---|---|
//! | [`Upload`] | one photograph: the multipart field `file`, or a raw image body |
//! | [`Uploads`] | several photographs: every multipart field `file`, or a raw image body |
//!
//! Extractors of other bodies use [`read_body`]. A body with a `Content-Encoding` is decompressed in small steps while it
//! arrives, and the reader counts the output. So a decompression bomb is rejected as soon as its output exceeds the limit.

use std::io::{self, Write as _};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use flate2::write::{GzDecoder, ZlibDecoder};
use futures_util::future::LocalBoxFuture;
use futures_util::stream::LocalBoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use pet_image::Format;
use serde_json::{Value as Json, json};
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::endpoint::{Describe, Operation};
use crate::error::{ApiError, Code};
use crate::form::{FIELD, Photograph, read_form, unreadable};
use crate::memory::{hold, too_large};
use crate::state::State;

/// Bytes that a form may have besides each photograph: boundaries, headers, other small fields.
const MULTIPART_OVERHEAD: u64 = 64 << 10;

/// Input bytes that are decompressed at a time; the output is at most about a thousand times as large.
const STEP: usize = 512;

pub(crate) struct Upload {
    pub(crate) name: Option<String>,
    pub(crate) body: Bytes,
    /// When the request must be answered.
    pub(crate) deadline: Instant,
}

/// Several photographs, at least one.
pub(crate) struct Uploads {
    pub(crate) photographs: Vec<Photograph>,
    pub(crate) deadline: Instant,
}

/// Errors of reading a body.
pub(crate) const READ_ERRORS: [Code; 5] =
    [Code::BadRequest, Code::UploadTimeout, Code::TooLarge, Code::UnsupportedEncoding, Code::Busy];

/// Errors of processing an upload.
pub(crate) const WORK_ERRORS: [Code; 6] = [
    Code::Undecodable,
    Code::UnsupportedFormat,
    Code::Busy,
    Code::Internal,
    Code::NotReady,
    Code::DeadlinePassed,
];

impl Describe for Upload {
    fn describe(operation: &mut Operation) {
        describe_form(operation, &file());
        for format in Format::ALL {
            operation.add_body(format.media_type(), json!({}));
        }
    }
}

impl Describe for Uploads {
    fn describe(operation: &mut Operation) {
        describe_form(operation, &json!({"type": "array", "minItems": 1, "items": file()}));
    }
}

fn file() -> Json {
    json!({"type": "string", "contentMediaType": "application/octet-stream"})
}

fn describe_form(operation: &mut Operation, files: &Json) {
    let form = json!({"type": "object", "required": [FIELD], "properties": {FIELD: files}});
    operation.add_body("multipart/form-data", json!({"schema": form}));
    operation.add_errors(&READ_ERRORS);
    operation.add_errors(&WORK_ERRORS);
    operation.add_errors(&[Code::MissingFile]);
}

impl FromRequest for Upload {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let Uploads { photographs, deadline } = read(&request, payload, 1).await?;
            let photograph = photographs.into_iter().next().ok_or_else(missing_file)?;
            Ok(Self { name: photograph.name, body: photograph.body?, deadline })
        })
    }
}

impl FromRequest for Uploads {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let max = State::of(&request)?.configuration.batch.get();
            // One more than allowed, to detect too many.
            let uploads = read(&request, payload, max + 1).await?;
            if uploads.photographs.len() > max {
                let detail = format!("there are more images than the limit of `{max}`");
                return Err(ApiError::new(Code::TooLarge, detail));
            }
            Ok(uploads)
        })
    }
}

async fn read(request: &HttpRequest, payload: Payload, max: usize) -> Result<Uploads, ApiError> {
    let state = State::of(request)?;
    let limit = state.configuration.limits.bytes;
    let memory = &state.memory;
    let (photographs, deadline) = match request.content_type().to_ascii_lowercase().as_str() {
        "multipart/form-data" => {
            let deadline = state.deadline();
            // The largest form; the error names the limit of one photograph.
            let all = limit.saturating_add(MULTIPART_OVERHEAD).saturating_mul(max as u64);
            let all = all.min(memory.capacity() as u64);
            if content_length(request).is_some_and(|length| length > all) {
                return Err(too_large(limit));
            }
            let body = decompressed(request, payload, all)?;
            let incoming = memory.receive();
            let read = read_form(request, body, max, limit, &incoming);
            (incoming.read(deadline, read).await?, deadline)
        }
        kind if kind == "application/octet-stream" || kind.starts_with("image/") => {
            let (body, deadline) = read_body(request, payload).await?;
            (vec![Photograph { name: None, body: Ok(body) }], deadline)
        }
        _ => return Err(missing_file()),
    };
    if photographs.is_empty() {
        return Err(missing_file());
    }
    Ok(Uploads { photographs, deadline })
}

fn missing_file() -> ApiError {
    ApiError::new(Code::MissingFile, "the field `file` is missing").with_hint(
        "send the image as the multipart field `file`, or as the body with `Content-Type: image/…`",
    )
}

/// Reads a body within the limit of an upload. A larger `Content-Length` is rejected before reading.
pub(crate) async fn read_body(
    request: &HttpRequest,
    payload: Payload,
) -> Result<(Bytes, Instant), ApiError> {
    let state = State::of(request)?;
    let deadline = state.deadline();
    let limit = state.configuration.limits.bytes;
    if content_length(request).is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let chunks = decompressed(request, payload, u64::MAX)?;
    let chunks = chunks.map_err(|error| unreadable(&error));
    let (bytes, reserved) = state.memory.read(limit, deadline, chunks).await?;
    Ok((hold(bytes, reserved), deadline))
}

fn content_length(request: &HttpRequest) -> Option<u64> {
    let length = request.headers().get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// The decompressed body of a request, which fails after `max` bytes.
fn decompressed(request: &HttpRequest, payload: Payload, max: u64) -> Result<Chunks, ApiError> {
    let Some(decoder) = decoder(request)? else {
        return Ok(payload.boxed_local());
    };
    let decompression =
        Decompression { payload, decoder: Some(decoder), compressed: Bytes::new(), left: max };
    Ok(stream::try_unfold(decompression, Decompression::next).boxed_local())
}

type Chunks = LocalBoxStream<'static, Result<Bytes, PayloadError>>;

fn decoder(request: &HttpRequest) -> Result<Option<Decoder>, ApiError> {
    let values = request.headers().get_all(CONTENT_ENCODING);
    let mut names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let (name, more) = (names.next().unwrap_or_default(), names.next());
    let name = String::from_utf8_lossy(name).trim().to_ascii_lowercase();
    match (name.as_str(), more) {
        ("" | "identity", None) => Ok(None),
        ("gzip" | "x-gzip", None) => Ok(Some(Decoder::Gzip(GzDecoder::new(Vec::new())))),
        ("deflate", None) => Ok(Some(Decoder::Deflate(ZlibDecoder::new(Vec::new())))),
        (_, Some(_)) => Err(unsupported("more than one encoding")),
        (name, None) => Err(unsupported(&format!("`{name:.20}`"))),
    }
}

fn unsupported(encoding: &str) -> ApiError {
    let detail = format!("the body has the unsupported encoding {encoding}");
    ApiError::new(Code::UnsupportedEncoding, detail)
        .with_hint("send the body uncompressed, or with `Content-Encoding: gzip` or `deflate`")
}

enum Decoder {
    Gzip(GzDecoder<Vec<u8>>),
    Deflate(ZlibDecoder<Vec<u8>>),
}

impl Decoder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let output = match self {
            Self::Gzip(decoder) => decoder.write_all(bytes).map(|()| decoder.get_mut()),
            Self::Deflate(decoder) => decoder.write_all(bytes).map(|()| decoder.get_mut()),
        };
        output.map(std::mem::take)
    }

    /// The rest of the output; fails if the body is truncated.
    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(decoder) => decoder.finish(),
            Self::Deflate(decoder) => decoder.finish(),
        }
    }
}

struct Decompression {
    payload: Payload,
    /// `None` after the end of the body.
    decoder: Option<Decoder>,
    compressed: Bytes,
    left: u64,
}

impl Decompression {
    /// The next decompressed chunk, with what follows it.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, PayloadError> {
        while let Some(mut decoder) = self.decoder.take() {
            let output = if !self.compressed.is_empty() {
                let step = self.compressed.split_to(STEP.min(self.compressed.len()));
                let output = decoder.write(&step);
                self.decoder = Some(decoder);
                // Lets other requests on this thread run.
                yield_now().await;
                output
            } else if let Some(chunk) = self.payload.next().await {
                self.compressed = chunk?;
                self.decoder = Some(decoder);
                continue;
            } else {
                decoder.finish()
            };
            let output = output.map_err(|_| PayloadError::EncodingCorrupted)?;
            if !output.is_empty() {
                let left = self.left.checked_sub(output.len() as u64);
                self.left = left.ok_or(PayloadError::Overflow)?;
                return Ok(Some((output.into(), self)));
            }
        }
        Ok(None)
    }
}
