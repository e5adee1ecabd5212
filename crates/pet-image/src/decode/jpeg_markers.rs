//! The marker structure of a JPEG file, read without decoding it.
//!
//! The decoder fills what a broken-off file lacks with grey, so completeness is checked here: the
//! segments are walked from the first to the end-of-image marker (ITU-T T.81, annex B).

const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;
const APPLICATION_14: u8 = 0xee;

/// What the walk found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Markers {
    /// Whether an Adobe segment is there. Adobe's programs store CMYK inverted.
    pub(super) adobe: bool,
}

/// Walks the file, or returns `None` if it breaks off before its end-of-image marker.
pub(super) fn walk(bytes: &[u8]) -> Option<Markers> {
    let mut markers = Markers { adobe: false };
    let mut rest = bytes.get(2..)?;
    loop {
        let (marker, after) = next_marker(rest)?;
        if marker == END_OF_IMAGE {
            return Some(markers);
        }
        if is_standalone(marker) {
            rest = after;
            continue;
        }
        let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
        let segment = after.get(..length.max(2))?;
        markers.adobe |= marker == APPLICATION_14 && segment.get(2..7) == Some(b"Adobe");
        rest = &after[segment.len()..];
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
        let start = rest.iter().position(|&byte| byte == 0xff)?;
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
        position += bytes
            .get(position..)?
            .iter()
            .position(|&byte| byte == 0xff)?;
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
        b"\xff\xd8\xff\xee\x00\x07Adobe\xff\xda\x00\x02ab\xff\x00c\xff\xd0d\xff\xff\xd9";

    #[test]
    fn the_end_marker_is_found_behind_stuffing_restarts_and_fill() {
        assert_eq!(walk(SMALL), Some(Markers { adobe: true }));
    }

    #[test]
    fn every_cut_is_noticed() {
        for cut in 0..SMALL.len() {
            assert_eq!(walk(&SMALL[..cut]), None, "cut after {cut} bytes");
        }
    }

    #[test]
    fn an_end_marker_inside_a_segment_does_not_count() {
        assert_eq!(walk(b"\xff\xd8\xff\xe1\x00\x06\xff\xd9\xff\xd9"), None);
    }
}
