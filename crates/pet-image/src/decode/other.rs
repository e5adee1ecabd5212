//! PNG, GIF, WebP and BMP, through the `image` crate.

use std::error::Error as _;
use std::io::{Cursor, ErrorKind};

use image::error::ImageError;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageReader, RgbImage};

use super::finish::{opaque, upright};
use crate::cancel::{Cancellable, is_cancelled};
use crate::{Cost, Error, Format, Limits};

/// Memory of a decoder for each pixel of the limit: 16-bit RGBA.
const BYTES_PER_PIXEL: u64 = 8;

/// Memory of a decoder for metadata and tables.
const OVERHEAD: u64 = 8 << 20;

/// Limit on the decompressed colour profile and texts of a PNG. Their buffer doubles as it grows, so it may be twice as
/// large.
const PNG_METADATA: u64 = OVERHEAD / 2;

/// Work per pixel, compared with a baseline JPEG.
const WORK: u64 = 4;

/// Memory for each pixel of a WebP's frame.
const BYTES_PER_FRAME_PIXEL: u64 = 10;

/// Length of `RIFF`, the size of the rest, and `WEBP`.
const WEBP_HEADER: usize = 12;

/// Length of a WebP chunk's name and size.
const CHUNK_HEADER: usize = 8;

/// Length of the fields before the sub-chunks of a WebP's animation frame.
const FRAME_HEADER: usize = 16;

pub(super) fn decode(bytes: &[u8], format: Format, limits: &Limits) -> Result<RgbImage, Error> {
    let bytes = check(bytes, format, limits)?;
    let explain = |error: ImageError| {
        if is_cancelled() {
            Error::Cancelled
        } else if is_end_of_file(&error) {
            Error::truncated(bytes, format)
        } else {
            Error::Decode { format, source: error.into() }
        }
    };
    let mut decoder = reader(bytes, format, limits).into_decoder().map_err(explain)?;
    let (width, height) = decoder.dimensions();
    limits.check_size(width, height)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let has_profile = matches!(format, Format::Png | Format::WebP);
    let profile = has_profile.then(|| decoder.icc_profile().ok().flatten()).flatten();
    let image = DynamicImage::from_decoder(decoder).map_err(explain)?;
    Ok(upright(opaque(image, profile.as_deref()), orientation))
}

/// The cost of [`decode`] for a valid file.
pub(super) fn cost(bytes: &[u8], format: Format, limits: &Limits) -> Option<Cost> {
    let bytes = check(bytes, format, limits).ok()?;
    let decoder = reader(bytes, format, limits).into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    limits.check_size(width, height).ok()?;
    let color = decoder.color_type();
    let stored = u64::from(color.bytes_per_pixel());
    let has_alpha = color.has_alpha();
    // 8-bit RGB and RGBA need no conversion.
    let converted = match (has_alpha, stored) {
        (true, 4) | (false, 3) => 0,
        (true, _) => 4,
        (false, _) => 3,
    };
    // Buffers of the decoder besides its result: a GIF's indices and canvas, a WebP's planes or frame.
    let inside = match format {
        Format::Gif | Format::WebP => 6,
        _ => 0,
    };
    // Blending over white and rotating hold two images; the first copy is freed by then.
    let changed = if has_alpha { 4 + 3 } else { 3 + 3 };
    let each = (stored + inside).max(stored + converted).max(changed);
    let canvas = u64::from(width) * u64::from(height);
    // A frame is decoded at its own size before it is compared with the canvas.
    let frame = if format == Format::WebP { largest_frame(bytes) } else { 0 };
    let pixels = canvas.max(frame);
    let memory = (canvas * each).max(frame * BYTES_PER_FRAME_PIXEL) + OVERHEAD;
    Some(Cost { pixels, memory, work: pixels * WORK })
}

fn reader<'a>(bytes: &'a [u8], format: Format, limits: &Limits) -> ImageReader<Cancellable<'a>> {
    // The PNG decoder applies this to metadata and rows only; the callers check the size of the image.
    let (pixels, overhead) = if format == Format::Png {
        (u64::from(limits.width), PNG_METADATA)
    } else {
        (limits.pixels, OVERHEAD)
    };
    let mut memory = image::Limits::no_limits();
    memory.max_alloc = Some(pixels.saturating_mul(BYTES_PER_PIXEL) + overhead);
    let mut reader = ImageReader::with_format(Cancellable(Cursor::new(bytes)), format.into());
    reader.limits(memory);
    reader
}

/// Whether the decoder reached the end of the file.
fn is_end_of_file(error: &ImageError) -> bool {
    let cause = match error {
        ImageError::IoError(cause) => return cause.kind() == ErrorKind::UnexpectedEof,
        error => error.source(),
    };
    // The GIF decoder has its own error for it.
    let cause = cause.and_then(|cause| cause.downcast_ref::<gif::DecodingError>());
    matches!(cause, Some(gif::DecodingError::UnexpectedEof))
}

/// Checks the declared lengths of a WebP file and its chunks (RFC 9649), and the size of lossy frames. Returns the file
/// without trailing bytes, or that of another format as it is.
///
/// The decoder allocates the declared size of a chunk, and a lossy frame by the size in the frame itself, which may differ
/// from that of the file's header.
fn check<'a>(bytes: &'a [u8], format: Format, limits: &Limits) -> Result<&'a [u8], Error> {
    if format != Format::WebP {
        return Ok(bytes);
    }
    let cut = || Error::truncated(bytes, format);
    let size = bytes.get(4..CHUNK_HEADER).and_then(<[u8]>::first_chunk);
    let size = u32::from_le_bytes(*size.ok_or_else(cut)?) as usize;
    let file = bytes.get(..size.saturating_add(CHUNK_HEADER)).ok_or_else(cut)?;
    for chunk in all_chunks(file) {
        if let Some((width, height)) = lossy_size(chunk.ok_or_else(cut)?) {
            limits.check_size(width, height)?;
        }
    }
    Ok(file)
}

/// Pixels of the largest frame of a WebP file that [`check`] accepts.
fn largest_frame(file: &[u8]) -> u64 {
    all_chunks(file).flatten().map(frame_pixels).max().unwrap_or_default()
}

/// Name and content of a chunk of a WebP file.
type Chunk<'a> = (&'a [u8; 4], &'a [u8]);

/// The chunks of a WebP file; `None` for a truncated one. Only animation frames contain chunks, so two levels are enough.
fn all_chunks(file: &[u8]) -> impl Iterator<Item = Option<Chunk<'_>>> {
    chunks(file.get(WEBP_HEADER..).unwrap_or_default()).flat_map(|chunk| {
        let inner = match chunk {
            Some((b"ANMF", content)) => content.get(FRAME_HEADER..).unwrap_or_default(),
            _ => &[],
        };
        std::iter::once(chunk).chain(chunks(inner))
    })
}

fn chunks(mut rest: &[u8]) -> impl Iterator<Item = Option<Chunk<'_>>> {
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
        Some(Some((name, content)))
    })
}

/// Pixels of a lossy or lossless frame; 0 for any other chunk.
fn frame_pixels(chunk: Chunk<'_>) -> u64 {
    let (width, height) = match chunk {
        // Fourteen bits each, one less than the side.
        (b"VP8L", [_, a, b, c, d, ..]) => {
            let bits = u32::from_le_bytes([*a, *b, *c, *d]);
            ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
        }
        _ => lossy_size(chunk).unwrap_or_default(),
    };
    u64::from(width) * u64::from(height)
}

/// Width and height of a VP8 key frame (RFC 6386, section 9.1).
fn lossy_size((name, frame): Chunk<'_>) -> Option<(u32, u32)> {
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    match (name, frame.get(6..10)) {
        (b"VP8 ", Some(&[w0, w1, h0, h1])) => Some((side(w0, w1), side(h0, h1))),
        _ => None,
    }
}
