//! Uploads: what arrives, bounded in size, in memory and in time. Nothing is written to disk.
//!
//! | extractor | gives |
//! |---|---|
//! | [`Deadline`] | when the request must be answered; first among a handler's arguments |
//! | [`Upload`] | one photograph: the multipart field `file`, or a raw image body |
//! | [`Uploads`] | several photographs: every multipart field `file`, or a raw image body |
//!
//! A handler with another kind of body reads it by [`read_body`].

use std::future::{Ready, ready};
use std::pin::Pin;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::mime::Mime;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt as _;
use pet_image::Format;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use crate::encoding::{Chunks, unpacked};
use crate::endpoint::{Described, Operation};
use crate::error::{ApiError, Code};
use crate::file_name::shown;
use crate::memory::{Arrival, Body, Memory, too_large};
use crate::part_heads::PartHeads;
use crate::state::State;

/// The file of a photograph, as its client sent it.
pub(crate) struct Photograph {
    /// The client's name for it. Never a path; see [`attachment`](super::attachment).
    pub(crate) name: Option<String>,
    /// Its bytes, or why they were refused.
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

/// How reading a body may be refused.
pub(crate) const READING: [Code; 5] = [
    Code::BadRequest,
    Code::UploadTimeout,
    Code::TooLarge,
    Code::UnsupportedEncoding,
    Code::Busy,
];

/// How work on what was uploaded may be refused.
pub(crate) const WORKING: [Code; 6] = [
    Code::Undecodable,
    Code::UnsupportedFormat,
    Code::Busy,
    Code::Internal,
    Code::NotReady,
    Code::DeadlinePassed,
];

impl Described for Upload {
    fn describe(operation: &mut Operation) {
        takes_form(operation, &file());
        for format in Format::ALL {
            operation.takes(format.media_type(), json!({}));
        }
    }
}

impl Described for Uploads {
    fn describe(operation: &mut Operation) {
        takes_form(
            operation,
            &json!({"type": "array", "minItems": 1, "items": file()}),
        );
    }
}

fn file() -> Json {
    json!({"type": "string", "contentMediaType": "application/octet-stream"})
}

fn takes_form(operation: &mut Operation, files: &Json) {
    let form = json!({"type": "object", "required": [FIELD], "properties": {FIELD: files}});
    operation.takes("multipart/form-data", json!({"schema": form}));
    operation.refuses(&READING);
    operation.refuses(&WORKING);
    operation.refuses(&[Code::MissingFile]);
}

type Boxed<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl FromRequest for Upload {
    type Error = ApiError;
    type Future = Boxed<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let Uploads {
                photographs,
                deadline,
            } = read(&request, payload, 1).await?;
            let Photograph { name, body } = photographs.into_iter().next().ok_or_else(missing)?;
            let body = body?;
            Ok(Self {
                name,
                body,
                deadline,
            })
        })
    }
}

impl FromRequest for Uploads {
    type Error = ApiError;
    type Future = Boxed<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let most = state(&request)?.configuration.batch.get();
            // One more than allowed, so that too many are told from just enough.
            let uploads = read(&request, payload, most + 1).await?;
            if uploads.photographs.len() > most {
                let detail = format!("there are more than the limit of `{most}` images");
                return Err(ApiError::new(Code::TooLarge, detail));
            }
            Ok(uploads)
        })
    }
}

async fn read(request: &HttpRequest, payload: Payload, most: usize) -> Result<Uploads, ApiError> {
    let state = state(request)?;
    let deadline = Deadline::extract(request).await?;
    let limit = state.configuration.limits.bytes;
    let memory = &state.memory;
    let photographs = match kind(request) {
        Kind::Form => {
            // The most that the parts can hold together; what is told is the limit of one.
            let all = limit.saturating_add(AROUND).saturating_mul(most as u64);
            let all = all.min(memory.all() as u64);
            if announced(request).is_some_and(|length| length > all) {
                return Err(too_large(limit));
            }
            let body = unpacked(request, payload, all)?;
            let arrival = memory.arrival();
            let read = read_form(request, body, most, limit, &arrival);
            arrival.read(deadline.0, read).await?
        }
        Kind::Raw => {
            let body = read_body(request, payload, limit, memory, deadline).await;
            vec![Photograph {
                name: None,
                body: Ok(body?),
            }]
        }
        Kind::Other => Vec::new(),
    };
    if photographs.is_empty() {
        return Err(missing());
    }
    Ok(Uploads {
        photographs,
        deadline,
    })
}

/// How a body holds photographs.
enum Kind {
    Form,
    Raw,
    Other,
}

fn kind(request: &HttpRequest) -> Kind {
    let value = request.headers().get(CONTENT_TYPE);
    let value = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match essence.as_str() {
        "multipart/form-data" => Kind::Form,
        "application/octet-stream" => Kind::Raw,
        image if image.starts_with("image/") => Kind::Raw,
        _ => Kind::Other,
    }
}

fn missing() -> ApiError {
    ApiError::new(Code::MissingFile, "the field `file` is missing").with_hint(
        "send the image as the multipart field `file`, or as the body with `Content-Type: image/…`"
            .to_owned(),
    )
}

/// The name of the field with the photograph.
const FIELD: &str = "file";

/// Bytes around the photograph that are allowed beyond its own limit: boundaries, headers, other
/// small fields.
pub(crate) const AROUND: u64 = 64 << 10;

/// Reads the fields `file`, at most `most`; further ones and other fields are passed over.
async fn read_form(
    request: &HttpRequest,
    body: Chunks,
    most: usize,
    limit: u64,
    arrival: &Arrival<'_>,
) -> Result<Vec<Photograph>, ApiError> {
    let mut heads = boundary(request).map(|boundary| PartHeads::new(&boundary));
    let body = body.map(move |chunk| match (&mut heads, chunk) {
        (Some(heads), Ok(chunk)) => Ok(heads.pass(&chunk)),
        (_, chunk) => chunk,
    });
    let mut form = Multipart::new(request.headers(), body);
    let mut photographs = Vec::new();
    while let Some(field) = form.next().await {
        let mut field = field.map_err(|error| malformed(&error, limit))?;
        if field.name() == Some(FIELD) && photographs.len() < most {
            photographs.push(photograph(field, limit, arrival).await?);
        } else {
            pass_over(&mut field, limit).await?;
        }
    }
    Ok(photographs)
}

/// What stands between the parts of a form.
fn boundary(request: &HttpRequest) -> Option<String> {
    let kind = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.parse::<Mime>().ok()?;
    Some(kind.get_param("boundary")?.as_str().to_owned())
}

/// Reads one photograph. Too large a one is passed over, so that those behind it can be read.
async fn photograph(
    mut field: Field,
    limit: u64,
    arrival: &Arrival<'_>,
) -> Result<Photograph, ApiError> {
    let name = file_name(&field);
    let mut body = arrival.body(limit);
    while let Some(chunk) = field.next().await {
        let chunk = chunk.map_err(|error| malformed(&error, limit))?;
        match body.push(&chunk).await {
            Ok(()) => {}
            Err(error) if error.code == Code::TooLarge => {
                drop(body);
                pass_over(&mut field, limit).await?;
                let body = Err(error);
                return Ok(Photograph { name, body });
            }
            Err(error) => return Err(error),
        }
    }
    let body = Ok(body.finish());
    Ok(Photograph { name, body })
}

async fn pass_over(field: &mut Field, limit: u64) -> Result<(), ApiError> {
    while let Some(chunk) = field.next().await {
        chunk.map_err(|error| malformed(&error, limit))?;
    }
    Ok(())
}

fn file_name(field: &Field) -> Option<String> {
    let disposition = field.content_disposition()?;
    if let Some(extended) = disposition.get_filename_ext() {
        return Some(shown(String::from_utf8_lossy(&extended.value).into_owned()));
    }
    let name = disposition.get_filename();
    name.map(|name| shown(name.to_owned()))
}

fn malformed(error: &MultipartError, limit: u64) -> ApiError {
    // Only a compressed body comes to this: it unpacks to more than all its parts may have.
    if let MultipartError::Payload(PayloadError::Overflow) = error {
        return too_large(limit);
    }
    ApiError::new(
        Code::BadRequest,
        format!("the multipart body cannot be read: {error}"),
    )
}

/// Reads a body of at most `limit` bytes. One that announces more is refused before it is read.
pub(crate) async fn read_body(
    request: &HttpRequest,
    payload: Payload,
    limit: u64,
    memory: &Memory,
    deadline: Deadline,
) -> Result<Body, ApiError> {
    if announced(request).is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let mut chunks = unpacked(request, payload, u64::MAX)?;
    let arrival = memory.arrival();
    let mut body = arrival.body(limit);
    let read = async {
        while let Some(chunk) = chunks.next().await {
            body.push(&chunk.map_err(|error| broken(&error))?).await?;
        }
        Ok(())
    };
    arrival.read(deadline.0, read).await?;
    Ok(body.finish())
}

/// The length that a request announces for its body.
pub(crate) fn announced(request: &HttpRequest) -> Option<u64> {
    let length = request.headers().get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

fn broken(error: &PayloadError) -> ApiError {
    ApiError::new(
        Code::BadRequest,
        format!("the body cannot be read: {error}"),
    )
}

/// The moment up to which a request may take, counted from when its head had arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(pub(crate) Instant);

impl FromRequest for Deadline {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(
            state(request).map(|state| Self(Instant::now() + state.configuration.request_timeout)),
        )
    }
}

/// What the handlers share.
pub(crate) fn state(request: &HttpRequest) -> Result<Data<State>, ApiError> {
    let state = request.app_data::<Data<State>>().cloned();
    state.ok_or_else(|| ApiError::new(Code::Internal, "the service has no state"))
}
