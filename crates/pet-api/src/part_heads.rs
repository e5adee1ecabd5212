//! The heads of a form's parts, put right before they are parsed.
//!
//! RFC 7578 wants names in UTF-8, but clients send them in whatever their system has, and the parser refuses a whole
//! form for one name that it cannot read. The name of a file does not matter here, so what cannot be read of it is
//! replaced, and at worst all of it is left out.

use actix_web::http::header::{ContentDisposition, HeaderValue};
use actix_web::web::Bytes;

/// Longest head of a part that is looked at; the parser refuses longer ones.
const LONGEST: usize = 64 << 10;

const END: &[u8] = b"\r\n\r\n";

/// Follows the parts of a form from chunk to chunk.
pub(crate) struct PartHeads {
    /// What stands before each part but for the end of its line.
    delimiter: Vec<u8>,
    place: Place,
}

enum Place {
    /// In the content of a part; so many bytes of the delimiter have just come.
    Content(usize),
    /// Behind a delimiter; the first of the two bytes that follow it, if it has come.
    Delimiter(Option<u8>),
    /// In the head of a part, all of which is held back.
    Head(Vec<u8>),
    /// Behind the last part.
    End,
}

impl PartHeads {
    pub(crate) fn new(boundary: &str) -> Self {
        Self {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            // The first delimiter needs no line before it.
            place: Place::Content(2),
        }
    }

    /// What the parser reads in place of a chunk. A head comes when it is whole.
    pub(crate) fn pass(&mut self, chunk: &[u8]) -> Bytes {
        let mut passed = Vec::with_capacity(chunk.len() + LONGEST.min(chunk.len()));
        let mut rest = chunk;
        while !rest.is_empty() {
            rest = self.step(rest, &mut passed);
        }
        passed.into()
    }

    /// Takes what belongs to one place and gives the rest.
    fn step<'a>(&mut self, rest: &'a [u8], passed: &mut Vec<u8>) -> &'a [u8] {
        let count = match &mut self.place {
            Place::Content(matched) => {
                let (count, now) = follow(&self.delimiter, *matched, rest);
                *matched = now;
                if now == self.delimiter.len() {
                    self.place = Place::Delimiter(None);
                }
                count
            }
            Place::Delimiter(first) => {
                let byte = rest[0];
                self.place = match (*first, byte) {
                    (None, b'\r' | b'-') => Place::Delimiter(Some(byte)),
                    (Some(b'\r'), b'\n') => Place::Head(Vec::new()),
                    (Some(b'-'), b'-') => Place::End,
                    (_, byte) => Place::Content(usize::from(byte == b'\r')),
                };
                1
            }
            Place::Head(head) => {
                let byte = rest[0];
                head.push(byte);
                if head.ends_with(END) {
                    passed.extend(readable(head));
                    self.place = Place::Content(0);
                } else if head.len() > LONGEST {
                    passed.append(head);
                    self.place = Place::End;
                }
                return &rest[1..];
            }
            Place::End => rest.len(),
        };
        passed.extend(&rest[..count]);
        &rest[count..]
    }
}

/// Goes on in content of which `matched` bytes of the delimiter have come: how many bytes belong to it, and how many
/// of the delimiter have come then. No byte of a delimiter but the first is a carriage return.
fn follow(delimiter: &[u8], matched: usize, bytes: &[u8]) -> (usize, usize) {
    let mut matched = matched;
    let mut at = 0;
    while at < bytes.len() && matched < delimiter.len() {
        if matched == 0 {
            let Some(place) = bytes[at..].iter().position(|byte| *byte == b'\r') else {
                return (bytes.len(), 0);
            };
            at += place + 1;
            matched = 1;
        } else if bytes[at] == delimiter[matched] {
            at += 1;
            matched += 1;
        } else {
            matched = 0;
        }
    }
    (at, matched)
}

/// The head with a disposition that can be read.
fn readable(head: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(head);
    let lines = text.split_inclusive("\r\n").map(|line| {
        let value = line.split_once(':');
        let value =
            value.filter(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"));
        match value {
            Some((_, value)) if !is_readable(value.trim()) => without_names(value),
            _ => line.to_owned(),
        }
    });
    lines.collect::<String>().into_bytes()
}

fn is_readable(disposition: &str) -> bool {
    HeaderValue::from_str(disposition)
        .is_ok_and(|value| ContentDisposition::from_raw(&value).is_ok())
}

/// A disposition with nothing but the name of the field.
fn without_names(disposition: &str) -> String {
    let parts = disposition.split(';').map(str::trim);
    let field = parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| {
            // Not `filename`.
            name.trim().eq_ignore_ascii_case("name")
        });
    let field = field
        .map(|(_, value)| value.trim().trim_matches('"'))
        .unwrap_or_default();
    let field: String = field
        .chars()
        .filter(|char| !matches!(char, '"' | '\\'))
        .collect();
    format!("Content-Disposition: form-data; name=\"{field}\"\r\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form(head: &[u8], content: &[u8]) -> Vec<u8> {
        [b"--x\r\n", head, END, content, b"\r\n--x--\r\n"].concat()
    }

    fn pass(form: &[u8], length: usize) -> Vec<u8> {
        let mut heads = PartHeads::new("x");
        let chunks = form.chunks(length).map(|chunk| heads.pass(chunk));
        chunks.collect::<Vec<_>>().concat()
    }

    fn disposition(parameters: &[u8]) -> Vec<u8> {
        [b"Content-Disposition: form-data; ", parameters].concat()
    }

    #[test]
    fn names_that_cannot_be_read_are_replaced() {
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
                assert_eq!(pass(&given, length), expected);
            }
        }
    }

    proptest! {
        #[test]
        fn content_and_readable_heads_stay(
            content in prop::collection::vec(prop::sample::select(&b"\r\n-x\xff:"[..]), 0..60),
            length in 1..20_usize,
        ) {
            let head = disposition("name=\"file\"; filename=\"K\u{e4}the \u{1f436}.jpg\"".as_bytes());
            let form = form(&head, &content);
            // A delimiter inside the content, or made of its end and the line that follows it, makes what follows a head,
            // where it may be changed.
            let lines = [&content[..], b"\r\n"].concat();
            prop_assume!(!lines.windows(7).any(|part| part == b"\r\n--x\r\n"));
            prop_assume!(!content.starts_with(b"\n--x") && !content.starts_with(b"--x"));
            prop_assert_eq!(pass(&form, length), form);
        }
    }
}
