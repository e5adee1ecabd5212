//! Photographs out of a request.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest};

use super::body::announced;
use super::deadline::state;
use super::memory::{Body, too_large};
use super::{Deadline, multipart, read_body};
use crate::error::{ApiError, Code};

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
            let all = limit
                .saturating_add(multipart::AROUND)
                .saturating_mul(most as u64);
            // The most that the parts can hold together; what is told is the limit of one.
            if announced(request).is_some_and(|length| length > all.min(memory.all() as u64)) {
                return Err(too_large(limit));
            }
            let read = multipart::read(request, payload, most, limit, memory);
            deadline.arrival(read).await?
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
