//! Request bodies, with limits of size, memory and time. Nothing is written to disk.
//!
//! | extractor | extracts |
//! |---|---|
//! | [`Deadline`] | when the request must be answered |
//! | [`Upload`] | one photograph: the multipart field `file`, or a raw image body |
//! | [`Uploads`] | several photographs: every multipart field `file`, or a raw image body |
//!
//! Extractors of other bodies use [`read_body`].

use std::future::{Ready, ready};

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use pet_image::Format;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use crate::encoding::{Chunks, decompressed};
use crate::endpoint::{Describe, Operation};
use crate::error::{ApiError, Code};
use crate::file_name::printable;
use crate::memory::{Body, Incoming, too_large};
use crate::part_headers::PartHeaders;
use crate::state::State;

/// The file of a photograph.
pub(crate) struct Photograph {
    /// The client's name for it, which is untrusted; see [`attachment`](crate::file_name::attachment).
    pub(crate) name: Option<String>,
    /// Its bytes, or why they were rejected.
    pub(crate) body: Result<Body, ApiError>,
}

/// One photograph.
pub(crate) struct Upload {
    pub(crate) name: Option<String>,
    pub(crate) body: Body,
    pub(crate) deadline: Deadline,
}

/// Several photographs, at least one.
pub(crate) struct Uploads {
    pub(crate) photographs: Vec<Photograph>,
    pub(crate) deadline: Deadline,
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
            let Photograph { name, body } =
                photographs.into_iter().next().ok_or_else(missing_file)?;
            let body = body?;
            Ok(Self { name, body, deadline })
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
    let deadline = Deadline::extract(request).await?;
    let limit = state.configuration.limits.bytes;
    let memory = &state.memory;
    let photographs = match request.content_type().to_ascii_lowercase().as_str() {
        "multipart/form-data" => {
            // The largest form; the error names the limit of one photograph.
            let all = limit.saturating_add(MULTIPART_OVERHEAD).saturating_mul(max as u64);
            let all = all.min(memory.capacity() as u64);
            if content_length(request).is_some_and(|length| length > all) {
                return Err(too_large(limit));
            }
            let body = decompressed(request, payload, all)?;
            let incoming = memory.receive();
            let read = read_form(request, body, max, limit, &incoming);
            incoming.read(deadline.0, read).await?
        }
        kind if kind == "application/octet-stream" || kind.starts_with("image/") => {
            let body = Ok(read_body(request, payload, deadline).await?);
            vec![Photograph { name: None, body }]
        }
        _ => Vec::new(),
    };
    if photographs.is_empty() {
        return Err(missing_file());
    }
    Ok(Uploads { photographs, deadline })
}

fn missing_file() -> ApiError {
    ApiError::new(Code::MissingFile, "the field `file` is missing").with_hint(
        "send the image as the multipart field `file`, or as the body with `Content-Type: image/…`"
            .to_owned(),
    )
}

/// The form field with the photograph.
const FIELD: &str = "file";

/// Bytes that a form may have besides each photograph: boundaries, headers, other small fields.
const MULTIPART_OVERHEAD: u64 = 64 << 10;

/// Reads at most `max` fields named `file`; other fields are skipped.
async fn read_form(
    request: &HttpRequest,
    body: Chunks,
    max: usize,
    limit: u64,
    incoming: &Incoming<'_>,
) -> Result<Vec<Photograph>, ApiError> {
    let mut headers = boundary(request).map(|boundary| PartHeaders::new(&boundary));
    let body = body.map(move |chunk| match (&mut headers, chunk) {
        (Some(headers), Ok(chunk)) => Ok(headers.repair(&chunk)),
        (_, chunk) => chunk,
    });
    let mut form = Multipart::new(request.headers(), body);
    let mut photographs = Vec::new();
    while let Some(field) = form.next().await {
        let mut field = field.map_err(|error| malformed(&error, limit))?;
        if field.name() == Some(FIELD) && photographs.len() < max {
            photographs.push(photograph(field, limit, incoming).await?);
        } else {
            skip(&mut field, limit).await?;
        }
    }
    Ok(photographs)
}

/// The boundary between the parts of a form.
fn boundary(request: &HttpRequest) -> Option<String> {
    let media_type = request.mime_type().ok()??;
    Some(media_type.get_param("boundary")?.as_str().to_owned())
}

/// Reads one photograph. If it is too large, the rest of it is skipped, so that the next ones can be read.
async fn photograph(
    mut field: Field,
    limit: u64,
    incoming: &Incoming<'_>,
) -> Result<Photograph, ApiError> {
    let name = file_name(&field);
    let mut body = incoming.body(limit);
    while let Some(chunk) = field.next().await {
        let chunk = chunk.map_err(|error| malformed(&error, limit))?;
        match body.push(&chunk).await {
            Ok(()) => {}
            Err(error) if error.code == Code::TooLarge => {
                drop(body);
                skip(&mut field, limit).await?;
                let body = Err(error);
                return Ok(Photograph { name, body });
            }
            Err(error) => return Err(error),
        }
    }
    let body = Ok(body.finish());
    Ok(Photograph { name, body })
}

async fn skip(field: &mut Field, limit: u64) -> Result<(), ApiError> {
    while let Some(chunk) = field.next().await {
        chunk.map_err(|error| malformed(&error, limit))?;
    }
    Ok(())
}

fn file_name(field: &Field) -> Option<String> {
    let disposition = field.content_disposition()?;
    if let Some(extended) = disposition.get_filename_ext() {
        return Some(printable(String::from_utf8_lossy(&extended.value).into_owned()));
    }
    let name = disposition.get_filename();
    name.map(|name| printable(name.to_owned()))
}

fn malformed(error: &MultipartError, limit: u64) -> ApiError {
    match error {
        // Only a compressed body overflows: its output exceeds the largest form.
        MultipartError::Payload(PayloadError::Overflow) => too_large(limit),
        MultipartError::Payload(error) => unreadable(error),
        error => {
            let detail = format!("the multipart body cannot be read: {error}");
            ApiError::new(Code::BadRequest, detail)
        }
    }
}

/// Reads a body within the limit of an upload. A larger `Content-Length` is rejected before reading.
pub(crate) async fn read_body(
    request: &HttpRequest,
    payload: Payload,
    deadline: Deadline,
) -> Result<Body, ApiError> {
    let state = State::of(request)?;
    let limit = state.configuration.limits.bytes;
    if content_length(request).is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let mut chunks = decompressed(request, payload, u64::MAX)?;
    let incoming = state.memory.receive();
    let mut body = incoming.body(limit);
    let read = async {
        while let Some(chunk) = chunks.next().await {
            body.push(&chunk.map_err(|error| unreadable(&error))?).await?;
        }
        Ok(())
    };
    incoming.read(deadline.0, read).await?;
    Ok(body.finish())
}

fn content_length(request: &HttpRequest) -> Option<u64> {
    let length = request.headers().get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

fn unreadable(error: &PayloadError) -> ApiError {
    let detail = match error {
        PayloadError::EncodingCorrupted => {
            "the body does not have the `Content-Encoding` that it claims, or is truncated".into()
        }
        error => format!("the body cannot be read: {error}"),
    };
    ApiError::new(Code::BadRequest, detail)
}

/// When a request must be answered, counted from its head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(pub(crate) Instant);

impl FromRequest for Deadline {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = State::of(request);
        ready(state.map(|state| Self(Instant::now() + state.configuration.request_timeout)))
    }
}
