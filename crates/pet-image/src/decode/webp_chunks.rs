//! The chunk structure of a WebP file, read without decoding it.
//!
//! The decoder learns the size of a lossy frame only when it allocates the frame, and that may
//! differ from the size in the file's header, which [`super::other`] checks. So both the length of
//! the file and the size of every lossy frame are checked here (RFC 9649).

use super::truncated;
use crate::{Error, Format, Limits};

/// Length of `RIFF`, the size of the rest, and `WEBP`.
const HEADER: usize = 12;

/// Length of a chunk's name and size.
const CHUNK_HEADER: usize = 8;

/// Length of the fields before the sub-chunks of an animation frame.
const FRAME_HEADER: usize = 16;

/// Refuses a file shorter than it says, and lossy frames above the limits.
pub(super) fn check(bytes: &[u8], limits: &Limits) -> Result<(), Error> {
    let size = bytes
        .get(4..8)
        .and_then(|field| field.first_chunk())
        .copied()
        .map(u32::from_le_bytes);
    let end = size.map_or(0, |size| u64::from(size) + CHUNK_HEADER as u64);
    if end > bytes.len() as u64 {
        return Err(truncated(bytes, Format::WebP));
    }
    check_chunks(bytes.get(HEADER..).unwrap_or_default(), limits)
}

fn check_chunks(bytes: &[u8], limits: &Limits) -> Result<(), Error> {
    let mut rest = bytes;
    while let Some((name, content, after)) = split_chunk(rest) {
        match name {
            b"VP8 " => {
                if let Some((width, height)) = lossy_size(content) {
                    limits.check_size(width, height)?;
                }
            }
            b"ANMF" => check_chunks(content.get(FRAME_HEADER..).unwrap_or_default(), limits)?,
            _ => {}
        }
        rest = after;
    }
    Ok(())
}

/// Name and content of the first chunk, and what follows it. Content is padded to even length.
fn split_chunk(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (name, rest) = bytes.split_first_chunk::<4>()?;
    let (size, rest) = rest.split_first_chunk::<4>()?;
    let size = u32::from_le_bytes(*size) as usize;
    let (content, rest) = rest.split_at(size.min(rest.len()));
    Some((name, content, rest.get(size % 2..).unwrap_or_default()))
}

/// Width and height of a VP8 key frame (RFC 6386, section 9.1).
fn lossy_size(frame: &[u8]) -> Option<(u32, u32)> {
    let &[w0, w1, h0, h1] = frame.get(6..10)? else {
        return None;
    };
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    Some((side(w0, w1), side(h0, h1)))
}
