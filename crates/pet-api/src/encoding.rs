//! Compressed bodies: `Content-Encoding`.
//!
//! A body is unpacked in small steps while it arrives, and what reads it counts what comes out. So one that unpacks to
//! more than the limit is given up there, whatever it would have become.

use std::io::Write;
use std::pin::Pin;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::CONTENT_ENCODING;
use actix_web::web::Bytes;
use flate2::write::{GzDecoder, ZlibDecoder};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::task::yield_now;

use crate::error::{ApiError, Code};

/// Bytes that are unpacked at a time: at most about a thousand times as many come out.
const STEP: usize = 512;

/// A body as its parts arrive, unpacked.
pub(crate) type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>;

/// The body of a request without its encoding, of which no more than `most` bytes are given.
pub(crate) fn unpacked(
    request: &HttpRequest,
    payload: Payload,
    most: u64,
) -> Result<Chunks, ApiError> {
    let Some(decoder) = decoder(request)? else {
        return Ok(Box::pin(payload));
    };
    let unpacking = Unpacking {
        payload,
        decoder: Some(decoder),
        packed: Bytes::new(),
        left: most,
    };
    Ok(Box::pin(stream::try_unfold(unpacking, Unpacking::next)))
}

fn decoder(request: &HttpRequest) -> Result<Option<Decoder>, ApiError> {
    let values = request.headers().get_all(CONTENT_ENCODING);
    let mut names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let (name, more) = (names.next().unwrap_or_default(), names.next());
    let name = String::from_utf8_lossy(name).trim().to_ascii_lowercase();
    match (name.as_str(), more) {
        ("" | "identity", None) => Ok(None),
        ("gzip" | "x-gzip", None) => Ok(Some(Decoder::Gzip(GzDecoder::new(Vec::new())))),
        ("deflate", None) => Ok(Some(Decoder::Deflate(ZlibDecoder::new(Vec::new())))),
        (_, Some(_)) => Err(unread("more than one encoding")),
        (name, None) => Err(unread(&format!(
            "`{}`",
            name.chars().take(20).collect::<String>()
        ))),
    }
}

fn unread(encoding: &str) -> ApiError {
    let detail = format!("the body has the encoding {encoding}, which is not read");
    ApiError::new(Code::UnsupportedEncoding, detail).with_hint(
        "send the body as it is, or with `Content-Encoding: gzip` or `deflate`".to_owned(),
    )
}

/// Writes what it unpacks to a buffer.
enum Decoder {
    Gzip(GzDecoder<Vec<u8>>),
    Deflate(ZlibDecoder<Vec<u8>>),
}

impl Decoder {
    /// What comes out of the next bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<Vec<u8>, PayloadError> {
        let written = match self {
            Self::Gzip(decoder) => decoder.write_all(bytes),
            Self::Deflate(decoder) => decoder.write_all(bytes),
        };
        written.map_err(|_| PayloadError::EncodingCorrupted)?;
        Ok(std::mem::take(match self {
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Deflate(decoder) => decoder.get_mut(),
        }))
    }

    /// What comes out at last; a body that breaks off is an error.
    fn finish(self) -> Result<Vec<u8>, PayloadError> {
        let rest = match self {
            Self::Gzip(decoder) => decoder.finish(),
            Self::Deflate(decoder) => decoder.finish(),
        };
        rest.map_err(|_| PayloadError::EncodingCorrupted)
    }
}

struct Unpacking {
    payload: Payload,
    /// None once the end has come.
    decoder: Option<Decoder>,
    packed: Bytes,
    left: u64,
}

impl Unpacking {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, PayloadError> {
        while let Some(decoder) = &mut self.decoder {
            if self.packed.is_empty() {
                if let Some(chunk) = self.payload.next().await {
                    self.packed = chunk?;
                    continue;
                }
                let rest = self.decoder.take().map(Decoder::finish).transpose()?;
                return self.give(rest.unwrap_or_default()).map(Some);
            }
            let step = self.packed.split_to(STEP.min(self.packed.len()));
            let out = decoder.write(&step)?;
            // Others on this thread come in between.
            yield_now().await;
            if !out.is_empty() {
                return self.give(out).map(Some);
            }
        }
        Ok(None)
    }

    fn give(mut self, out: Vec<u8>) -> Result<(Bytes, Self), PayloadError> {
        let left = self.left.checked_sub(out.len() as u64);
        self.left = left.ok_or(PayloadError::Overflow)?;
        Ok((out.into(), self))
    }
}
