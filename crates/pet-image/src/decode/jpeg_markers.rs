//! The marker structure of a JPEG file, read without decoding it.
//!
//! The decoder fills what a broken-off file lacks with grey, so completeness is checked here: the
//! segments are walked from the first to the end-of-image marker (ITU-T T.81, annex B).

use memchr::memchr;

const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;

/// Whether the end-of-image marker is there.
pub(super) fn is_complete(bytes: &[u8]) -> bool {
    walk(bytes).is_some()
}

/// Walks to the end-of-image marker; `None` if the file breaks off before it.
fn walk(bytes: &[u8]) -> Option<()> {
    let mut rest = bytes.get(2..)?;
    loop {
        let (marker, after) = next_marker(rest)?;
        if marker == END_OF_IMAGE {
            return Some(());
        }
        if is_standalone(marker) {
            rest = after;
            continue;
        }
        let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
        rest = after.get(length.max(2)..)?;
        if marker == START_OF_SCAN {
            rest = skip_scan(rest)?;
        }
    }
}

/// Markers without a segment: restart 0 to 7, start of image, and the reserved `TEM`.
fn is_standalone(marker: u8) -> bool {
    matches!(marker, 0x01 | 0xd0..=0xd8)
}

/// The code of the next marker and what follows it. Stray bytes before it are skipped.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut rest = bytes;
    loop {
        let start = memchr(0xff, rest)?;
        let code = start + rest[start..].iter().position(|&byte| byte != 0xff)?;
        if rest[code] != 0 {
            return Some((rest[code], &rest[code + 1..]));
        }
        rest = &rest[code + 1..];
    }
}

/// Skips entropy-coded data, in which `ff 00` is a byte of data and restart markers are allowed.
fn skip_scan(bytes: &[u8]) -> Option<&[u8]> {
    let mut position = 0;
    loop {
        position += memchr(0xff, bytes.get(position..)?)?;
        match bytes.get(position + 1)? {
            0x00 | 0xd0..=0xd7 => position += 2,
            0xff => position += 1,
            _ => return Some(&bytes[position..]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &[u8] =
        b"\xff\xd8\xff\xe0\x00\x07JFIF\x00\xff\xda\x00\x02ab\xff\x00c\xff\xd0d\xff\xff\xd9";

    #[test]
    fn the_end_marker_is_found_behind_stuffing_restarts_and_fill() {
        assert!(is_complete(SMALL));
    }

    #[test]
    fn every_cut_is_noticed() {
        for cut in 0..SMALL.len() {
            assert!(!is_complete(&SMALL[..cut]), "cut after {cut} bytes");
        }
    }

    #[test]
    fn an_end_marker_inside_a_segment_does_not_count() {
        assert!(!is_complete(b"\xff\xd8\xff\xe1\x00\x06\xff\xd9\xff\xd9"));
    }
}
