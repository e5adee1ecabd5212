//! JPEG, through `zune-jpeg`.
//!
//! CMYK is taken as Adobe's programs write it, inverted, as Pillow and browsers do: no others
//! write it.

use image::{RgbImage, metadata::Orientation};
use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::{JpegDecoder, errors::DecodeErrors};

use super::{jpeg_markers, truncated, upright::upright};
use crate::{Error, Format, Limits};

type Decoder<'bytes> = JpegDecoder<ZCursor<&'bytes [u8]>>;

/// The level with which the decoder fills what it could not decode.
const FILL: u8 = 128;

/// Of a damaged picture, at most this part of the rows may be missing: one in sixteen.
const MISSING_ROWS: u32 = 16;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, Error> {
    let mut decoder = open(bytes, limits, true)?;
    if !jpeg_markers::is_complete(bytes) {
        return Err(truncated(bytes, Format::Jpeg));
    }
    let image = match pixels(&mut decoder) {
        Ok(image) => image,
        Err(error) => bridge(bytes, limits, error)?,
    };
    let orientation = decoder
        .exif()
        .and_then(|exif| Orientation::from_exif_chunk(exif));
    Ok(match orientation {
        None | Some(Orientation::NoTransforms) => image,
        Some(orientation) => upright(image, orientation),
    })
}

/// Reads the header and checks the size it announces.
fn open<'bytes>(
    bytes: &'bytes [u8],
    limits: &Limits,
    strict: bool,
) -> Result<Decoder<'bytes>, Error> {
    let options = DecoderOptions::default()
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .set_strict_mode(strict)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    match decoder.decode_headers() {
        Ok(()) => {}
        Err(_) if !jpeg_markers::is_complete(bytes) => {
            return Err(truncated(bytes, Format::Jpeg));
        }
        Err(error) => return Err(refused(error)),
    }
    let (width, height) = size(&decoder);
    limits.check_size(width, height)?;
    Ok(decoder)
}

fn size(decoder: &Decoder<'_>) -> (u32, u32) {
    let (width, height) = decoder.dimensions().unwrap_or_default();
    (width as u32, height as u32)
}

fn pixels(decoder: &mut Decoder<'_>) -> Result<RgbImage, DecodeErrors> {
    let (width, height) = size(decoder);
    RgbImage::from_raw(width, height, decoder.decode()?)
        .ok_or(DecodeErrors::FormatStatic("fewer pixels than announced"))
}

/// Second try for a file that is complete but not flawless, as some in the Oxford-IIIT Pet data
/// set are: accepted if (almost) all rows come out.
fn bridge(bytes: &[u8], limits: &Limits, error: DecodeErrors) -> Result<RgbImage, Error> {
    let image = pixels(&mut open(bytes, limits, false)?).map_err(refused)?;
    let height = image.height();
    let row_length = image.len() / height as usize;
    let filled = image.as_raw().rchunks_exact(row_length);
    let missing = filled
        .take_while(|row| row.iter().all(|&level| level == FILL))
        .count() as u32;
    if missing > height / MISSING_ROWS {
        let source = error.into();
        return Err(Error::Damaged {
            format: Format::Jpeg,
            decoded: height - missing,
            height,
            source,
        });
    }
    Ok(image)
}

fn refused(error: DecodeErrors) -> Error {
    Error::Decode {
        format: Format::Jpeg,
        source: error.into(),
    }
}
