//! Compressed bodies: `Content-Encoding`.
//!
//! A body is decompressed in small steps while it arrives, and the reader counts the output. So a decompression bomb is
//! rejected as soon as its output exceeds the limit.

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

/// Input bytes that are decompressed at a time; the output is at most about a thousand times as large.
const STEP: usize = 512;

/// The decompressed chunks of a body.
pub(crate) type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>;

/// The decompressed body of a request, which fails after `max` bytes.
pub(crate) fn decompressed(
    request: &HttpRequest,
    payload: Payload,
    max: u64,
) -> Result<Chunks, ApiError> {
    let Some(decoder) = decoder(request)? else {
        return Ok(Box::pin(payload));
    };
    let decompression =
        Decompression { payload, decoder: Some(decoder), compressed: Bytes::new(), left: max };
    Ok(Box::pin(stream::try_unfold(decompression, Decompression::next)))
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
        (_, Some(_)) => Err(unsupported("more than one encoding")),
        (name, None) => {
            Err(unsupported(&format!("`{}`", name.chars().take(20).collect::<String>())))
        }
    }
}

fn unsupported(encoding: &str) -> ApiError {
    let detail = format!("the body has the unsupported encoding {encoding}");
    ApiError::new(Code::UnsupportedEncoding, detail).with_hint(
        "send the body uncompressed, or with `Content-Encoding: gzip` or `deflate`".to_owned(),
    )
}

enum Decoder {
    Gzip(GzDecoder<Vec<u8>>),
    Deflate(ZlibDecoder<Vec<u8>>),
}

impl Decoder {
    /// Decompresses the next bytes.
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

    /// The rest of the output; fails if the body is truncated.
    fn finish(self) -> Result<Vec<u8>, PayloadError> {
        let rest = match self {
            Self::Gzip(decoder) => decoder.finish(),
            Self::Deflate(decoder) => decoder.finish(),
        };
        rest.map_err(|_| PayloadError::EncodingCorrupted)
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
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, PayloadError> {
        while let Some(decoder) = &mut self.decoder {
            if self.compressed.is_empty() {
                if let Some(chunk) = self.payload.next().await {
                    self.compressed = chunk?;
                    continue;
                }
                let rest = self.decoder.take().map(Decoder::finish).transpose()?;
                return self.emit(rest.unwrap_or_default()).map(Some);
            }
            let step = self.compressed.split_to(STEP.min(self.compressed.len()));
            let out = decoder.write(&step)?;
            // Lets other requests on this thread run.
            yield_now().await;
            if !out.is_empty() {
                return self.emit(out).map(Some);
            }
        }
        Ok(None)
    }

    fn emit(mut self, out: Vec<u8>) -> Result<(Bytes, Self), PayloadError> {
        let left = self.left.checked_sub(out.len() as u64);
        self.left = left.ok_or(PayloadError::Overflow)?;
        Ok((out.into(), self))
    }
}
