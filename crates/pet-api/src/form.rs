//! Multipart forms with photographs.
//!
//! RFC 7578 requires names in UTF-8, but clients send them in any encoding, and the parser rejects the whole form for one
//! invalid name. So the headers of each part are repaired before they are parsed. File names do not matter here, so invalid
//! characters are replaced, and at worst the name is removed.

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::error::PayloadError;
use actix_web::http::header::{ContentDisposition, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpMessage as _, HttpRequest};
use futures_util::{Stream, StreamExt as _};
use memchr::memmem;

use crate::error::{ApiError, Code, printable};
use crate::memory::{Incoming, hold, too_large};

/// The form field with the photograph.
pub(crate) const FIELD: &str = "file";

/// Longest headers of a part that are repaired, in bytes; the parser rejects longer ones.
const MAX_LENGTH: usize = 64 << 10;

const HEADERS_END: &[u8] = b"\r\n\r\n";

/// The file of a photograph.
pub(crate) struct Photograph {
    /// The client's name for it, which is untrusted.
    pub(crate) name: Option<String>,
    /// Its bytes, or why they were rejected.
    pub(crate) body: Result<Bytes, ApiError>,
}

/// Reads at most `max` fields named `file`; other fields are skipped.
pub(crate) async fn read_form(
    request: &HttpRequest,
    body: impl Stream<Item = Result<Bytes, PayloadError>> + 'static,
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
                return Ok(Photograph { name, body: Err(error) });
            }
            Err(error) => return Err(error),
        }
    }
    let (bytes, reserved) = body.finish();
    Ok(Photograph { name, body: Ok(hold(bytes, reserved)) })
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

/// The error for a body that cannot be read.
pub(crate) fn unreadable(error: &PayloadError) -> ApiError {
    let detail = match error {
        PayloadError::EncodingCorrupted => {
            "the body does not have the `Content-Encoding` that it claims, or is truncated".into()
        }
        error => format!("the body cannot be read: {error}"),
    };
    ApiError::new(Code::BadRequest, detail)
}

/// Repairs the headers of the parts of a form, which it scans chunk by chunk.
struct PartHeaders {
    /// The delimiter before each part, without the end of its line.
    delimiter: Vec<u8>,
    place: Place,
    /// What cannot be passed on yet.
    held: Vec<u8>,
}

/// Where the held bytes start.
enum Place {
    /// Where the first delimiter may be, which needs no line break before it.
    Start,
    /// In the content of a part.
    Content,
    /// After a delimiter.
    Delimiter,
    /// In the headers of a part, which are held until complete.
    Headers,
    /// After the last part.
    End,
}

impl PartHeaders {
    fn new(boundary: &str) -> Self {
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        Self { delimiter, place: Place::Start, held: Vec::new() }
    }

    /// Returns what the parser should read in place of a chunk.
    fn repair(&mut self, chunk: &[u8]) -> Bytes {
        self.held.extend_from_slice(chunk);
        let mut output = Vec::with_capacity(self.held.len());
        let mut start = 0;
        while let Some((count, next)) = self.step(&self.held[start..]) {
            let passed = &self.held[start..start + count];
            match self.place {
                Place::Headers => output.extend(repaired(passed)),
                _ => output.extend_from_slice(passed),
            }
            self.place = next;
            start += count;
        }
        self.held.drain(..start);
        output.into()
    }

    /// How many of these bytes can be passed on, and where the others are. `None` if more bytes are needed.
    fn step(&self, held: &[u8]) -> Option<(usize, Place)> {
        match self.place {
            Place::Start => {
                let first = &self.delimiter[2..];
                let is_first = held.get(..first.len())? == first;
                Some(if is_first { (first.len(), Place::Delimiter) } else { (0, Place::Content) })
            }
            Place::Content => match memmem::find(held, &self.delimiter) {
                Some(start) => Some((start + self.delimiter.len(), Place::Delimiter)),
                // The last bytes may be the start of a delimiter.
                None => match held.len().saturating_sub(self.delimiter.len() - 1) {
                    0 => None,
                    count => Some((count, Place::Content)),
                },
            },
            Place::Delimiter => Some(match held.get(..2)? {
                b"\r\n" => (2, Place::Headers),
                b"--" => (2, Place::End),
                _ => (0, Place::Content),
            }),
            Place::Headers => match memmem::find(held, HEADERS_END) {
                Some(end) if end <= MAX_LENGTH => Some((end + HEADERS_END.len(), Place::Content)),
                None if held.len() <= MAX_LENGTH => None,
                _ => Some((0, Place::End)),
            },
            Place::End => (!held.is_empty()).then_some((held.len(), Place::End)),
        }
    }
}

/// The headers with a valid `Content-Disposition`.
fn repaired(headers: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(headers);
    let lines = text.split_inclusive("\r\n").map(|line| {
        let value = line.split_once(':');
        let value =
            value.filter(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"));
        match value {
            Some((_, value)) if !is_valid(value.trim()) => only_field_name(value),
            _ => line.to_owned(),
        }
    });
    lines.collect::<String>().into_bytes()
}

fn is_valid(disposition: &str) -> bool {
    HeaderValue::from_str(disposition)
        .is_ok_and(|value| ContentDisposition::from_raw(&value).is_ok())
}

/// A disposition with nothing but the name of the field.
fn only_field_name(disposition: &str) -> String {
    let parts = disposition.split(';').map(str::trim);
    let field = parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("name"));
    let field = field.map(|(_, value)| value.trim().trim_matches('"')).unwrap_or_default();
    let field: String = field.chars().filter(|char| !matches!(char, '"' | '\\')).collect();
    format!("Content-Disposition: form-data; name=\"{field}\"\r\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form(head: &[u8], content: &[u8]) -> Vec<u8> {
        [b"--x\r\n", head, HEADERS_END, content, b"\r\n--x--\r\n"].concat()
    }

    fn repair(form: &[u8], length: usize) -> Vec<u8> {
        let mut headers = PartHeaders::new("x");
        let chunks = form.chunks(length).map(|chunk| headers.repair(chunk));
        chunks.collect::<Vec<_>>().concat()
    }

    fn disposition(parameters: &[u8]) -> Vec<u8> {
        [b"Content-Disposition: form-data; ", parameters].concat()
    }

    #[test]
    fn invalid_names_are_repaired() {
        for (given, expected) in [
            (
                &b"name=\"file\"; filename=\"K\xe4the.jpg\""[..],
                "name=\"file\"; filename=\"K\u{fffd}the.jpg\"",
            ),
            (b"name=\"file\"; filename=\"C:\\photos\\\"", "name=\"file\""),
            (b"name=\"file\"; filename*=\xe4", "name=\"file\""),
            (b"filename=; name=file", "name=\"file\""),
        ] {
            let given = form(&disposition(given), b"\xff\xd8 content");
            let expected = form(&disposition(expected.as_bytes()), b"\xff\xd8 content");
            for length in [1, 2, 7, 1000] {
                assert_eq!(repair(&given, length), expected);
            }
        }
    }

    proptest! {
        #[test]
        fn content_and_valid_headers_are_unchanged(
            content in prop::collection::vec(prop::sample::select(&b"\r\n-x\xff:"[..]), 0..60),
            length in 1..20_usize,
        ) {
            let head = disposition("name=\"file\"; filename=\"K\u{e4}the \u{1f436}.jpg\"".as_bytes());
            let form = form(&head, &content);
            // After a delimiter inside the content, or across its end, what follows is headers and may be changed.
            let lines = [&content[..], b"\r\n"].concat();
            prop_assume!(!lines.windows(7).any(|part| part == b"\r\n--x\r\n"));
            prop_assume!(!content.starts_with(b"\n--x") && !content.starts_with(b"--x"));
            prop_assert_eq!(repair(&form, length), form);
        }
    }
}
