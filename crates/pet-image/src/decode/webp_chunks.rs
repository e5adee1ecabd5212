//! Checks of the chunks of a WebP file (RFC 9649) before decoding.
//!
//! The decoder allocates the declared size of a chunk, and a lossy frame by the size in the frame itself, which may differ
//! from that of the file's header which [`super::other`] checks. So the length of every chunk and the size of every lossy
//! frame are checked here.

use super::truncated;
use crate::{Error, Format, Limits};

/// Length of `RIFF`, the size of the rest, and `WEBP`.
const HEADER: usize = 12;

/// Length of a chunk's name and size.
const CHUNK_HEADER: usize = 8;

/// Length of the fields before the sub-chunks of an animation frame.
const FRAME_HEADER: usize = 16;

/// Checks the declared lengths of the file and its chunks, and the size of lossy frames. Returns the file without trailing
/// bytes.
pub(super) fn check<'a>(bytes: &'a [u8], limits: &Limits) -> Result<&'a [u8], Error> {
    let cut = || truncated(bytes, Format::WebP);
    let size = bytes.get(4..CHUNK_HEADER).and_then(<[u8]>::first_chunk);
    let size = u32::from_le_bytes(*size.ok_or_else(cut)?) as usize;
    let file = bytes.get(..size.saturating_add(CHUNK_HEADER)).ok_or_else(cut)?;
    // Only animation frames contain chunks, so two levels are enough.
    for chunk in chunks(file.get(HEADER..).unwrap_or_default()) {
        let (name, content) = chunk.ok_or_else(cut)?;
        check_frame_size(name, content, limits)?;
        if &name == b"ANMF" {
            for part in chunks(content.get(FRAME_HEADER..).unwrap_or_default()) {
                let (name, content) = part.ok_or_else(cut)?;
                check_frame_size(name, content, limits)?;
            }
        }
    }
    Ok(file)
}

/// Pixels of the largest frame of a file that [`check`] accepts.
pub(super) fn largest_frame(file: &[u8]) -> u64 {
    let top = chunks(file.get(HEADER..).unwrap_or_default()).flatten();
    let sizes = top.flat_map(|(name, content)| {
        let inner = match &name {
            b"ANMF" => content.get(FRAME_HEADER..).unwrap_or_default(),
            _ => &[],
        };
        let inner = chunks(inner).flatten();
        std::iter::once((name, content)).chain(inner).map(|(name, frame)| frame_pixels(name, frame))
    });
    sizes.max().unwrap_or_default()
}

/// Pixels of a lossy or lossless frame; 0 for any other chunk.
fn frame_pixels(name: [u8; 4], frame: &[u8]) -> u64 {
    let (width, height) = match (&name, frame) {
        // Fourteen bits each, one less than the side.
        (b"VP8L", [_, a, b, c, d, ..]) => {
            let bits = u32::from_le_bytes([*a, *b, *c, *d]);
            ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
        }
        _ => lossy_size(name, frame).unwrap_or_default(),
    };
    u64::from(width) * u64::from(height)
}

/// Width and height of a VP8 key frame (RFC 6386, section 9.1).
fn lossy_size(name: [u8; 4], frame: &[u8]) -> Option<(u32, u32)> {
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    match (&name, frame.get(6..10)) {
        (b"VP8 ", Some(&[w0, w1, h0, h1])) => Some((side(w0, w1), side(h0, h1))),
        _ => None,
    }
}

/// Name and content of each chunk; `None` for a truncated one.
fn chunks(mut rest: &[u8]) -> impl Iterator<Item = Option<([u8; 4], &[u8])>> {
    std::iter::from_fn(move || {
        let (name, after) = rest.split_first_chunk::<4>()?;
        let (size, after) = after.split_first_chunk::<4>()?;
        let size = u32::from_le_bytes(*size) as usize;
        let Some((content, after)) = after.split_at_checked(size) else {
            rest = &[];
            return Some(None);
        };
        // Content is padded to even length.
        rest = after.get(size % 2..).unwrap_or_default();
        Some(Some((*name, content)))
    })
}

fn check_frame_size(name: [u8; 4], frame: &[u8], limits: &Limits) -> Result<(), Error> {
    lossy_size(name, frame).map_or(Ok(()), |(width, height)| limits.check_size(width, height))
}
