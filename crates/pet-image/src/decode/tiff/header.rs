//! The description of the first image of a TIFF file.

use image::metadata::Orientation;

use super::directory::{Directory, Fault, Order, Values};

/// Sides of tiles; multiples of 16 by the standard.
const TILE_SIDES: std::ops::RangeInclusive<u64> = 16..=16_384;

/// Largest number of samples of a pixel, including unspecified ones.
const MAX_SAMPLES: u64 = 8;

pub(super) struct Header<'a> {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) order: Order,
    /// Bits of a sample: 1, 2, 4, 8 or 16.
    pub(super) bits: u32,
    /// Samples of a pixel.
    pub(super) samples: usize,
    pub(super) colors: Colors,
    pub(super) alpha: Alpha,
    pub(super) compression: Compression,
    /// Whether samples are stored as differences to their left neighbours.
    pub(super) has_differences: bool,
    /// Whether each sample has its own chunks.
    pub(super) is_planar: bool,
    /// Whether the first bit of a byte is its lowest.
    pub(super) is_reversed: bool,
    pub(super) chunks: Chunks<'a>,
    /// Tables shared by the JPEG files inside.
    pub(super) jpeg_tables: &'a [u8],
    pub(super) profile: Option<&'a [u8]>,
    pub(super) orientation: Orientation,
}

/// Meaning of the first samples of a pixel.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Colors {
    Grey,
    /// Grey, where 0 is white.
    Ink,
    Rgb,
    /// Only within JPEG.
    YCbCr,
    Cmyk,
    Palette(Vec<[u8; 3]>),
}

/// Meaning of the sample after the colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alpha {
    /// None, or unspecified.
    None,
    Straight,
    /// Transparency by which colours are multiplied.
    Premultiplied,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Lzw,
    Jpeg,
    Deflate,
    PackBits,
}

/// Strips or tiles.
pub(super) struct Chunks<'a> {
    /// Width and height of a chunk; the last of a row or column may extend beyond the image.
    pub(super) size: [u32; 2],
    /// Number in a row and in a column.
    pub(super) count: [u32; 2],
    pub(super) offsets: Values<'a>,
    /// Required for compressed data.
    pub(super) lengths: Option<Values<'a>>,
}

impl Colors {
    /// Number of samples.
    fn samples(&self) -> usize {
        match self {
            Self::Grey | Self::Ink | Self::Palette(_) => 1,
            Self::Rgb | Self::YCbCr => 3,
            Self::Cmyk => 4,
        }
    }
}

/// Width and height; too large values become `u32::MAX`.
pub(super) fn size(directory: &Directory<'_>) -> Result<(u32, u32), Fault> {
    let [width, height] = [directory.required(256)?, directory.required(257)?];
    let side = |number| u32::try_from(number).unwrap_or(u32::MAX);
    Ok((side(width), side(height)))
}

/// Whether the file has raw sensor data, with a preview at most in its first directory.
pub(super) fn is_raw(directory: &Directory<'_>) -> Result<bool, Fault> {
    let is_preview = directory.number(254)?.unwrap_or_default() & 1 == 1;
    let has_others = directory.find(330)?.is_some();
    let is_negative = directory.find(50_706)?.is_some();
    let of_sensor = matches!(directory.number(262)?, Some(32_803 | 34_892));
    Ok(is_negative || of_sensor || (is_preview && has_others))
}

impl<'a> Header<'a> {
    pub(super) fn read(directory: &Directory<'a>) -> Result<Self, Fault> {
        let (width, height) = size(directory)?;
        let samples = directory.number(277)?.unwrap_or(1);
        if !(1..=MAX_SAMPLES).contains(&samples) {
            return Err(Fault::Samples { samples });
        }
        let samples = samples as usize;
        let bits = bits(directory, samples)?;
        let compression = compression(directory.number(259)?.unwrap_or(1))?;
        let colors = colors(directory, bits)?;
        let alpha = alpha(directory, &colors, samples)?;
        let is_planar = samples > 1 && directory.number(284)? == Some(2);
        let tables = directory.find(347)?.map(|tables| tables.bytes);
        let orientation = directory.number(274).ok().flatten();
        let orientation =
            orientation.and_then(|value| Orientation::from_exif(u8::try_from(value).ok()?));
        let header = Self {
            width,
            height,
            order: directory.order,
            bits,
            samples,
            colors,
            alpha,
            compression,
            has_differences: has_differences(directory, bits)?,
            is_planar,
            is_reversed: directory.number(266)? == Some(2),
            chunks: chunks(directory, [width, height], if is_planar { samples } else { 1 })?,
            jpeg_tables: tables.unwrap_or_default(),
            profile: directory.find(34_675).ok().flatten().map(|profile| profile.bytes),
            orientation: orientation.unwrap_or(Orientation::NoTransforms),
        };
        header.check_combination()?;
        Ok(header)
    }

    fn check_combination(&self) -> Result<(), Fault> {
        let is_jpeg = self.compression == Compression::Jpeg;
        let in_jpeg = match self.colors {
            Colors::Grey => self.samples == 1,
            Colors::Rgb | Colors::YCbCr => self.samples == 3 && !self.is_planar,
            _ => false,
        };
        let possible = match self.colors {
            _ if is_jpeg => in_jpeg && self.bits == 8,
            Colors::YCbCr => false,
            Colors::Palette(_) => self.bits <= 8 && self.samples == 1,
            _ => true,
        };
        if !possible || self.samples < self.colors.samples() {
            return Err(Fault::Combination);
        }
        if self.compression != Compression::None && self.chunks.lengths.is_none() {
            return Err(Fault::Missing { tag: 279 });
        }
        Ok(())
    }
}

/// Bits of a sample, which must be the same for all.
fn bits(directory: &Directory<'_>, samples: usize) -> Result<u32, Fault> {
    let formats = directory.find(339)?;
    // 4 means unspecified.
    if formats.is_some_and(|formats| formats.iter().any(|format| !matches!(format, 1 | 4))) {
        return Err(Fault::SampleFormat);
    }
    let Some(values) = directory.find(258)? else {
        return Ok(1);
    };
    let bits = values.get(0).ok_or(Fault::Tag { tag: 258 })?;
    if !matches!(bits, 1 | 2 | 4 | 8 | 16) || values.iter().take(samples).any(|other| other != bits)
    {
        return Err(Fault::Bits { bits });
    }
    Ok(bits as u32)
}

fn compression(number: u64) -> Result<Compression, Fault> {
    let name = match number {
        1 => return Ok(Compression::None),
        5 => return Ok(Compression::Lzw),
        7 => return Ok(Compression::Jpeg),
        8 | 32_946 => return Ok(Compression::Deflate),
        32_773 => return Ok(Compression::PackBits),
        2..=4 => "fax",
        6 => "old-style JPEG",
        34_712 => "JPEG 2000",
        34_925 => "LZMA",
        50_000 => "Zstandard",
        50_001 => "WebP",
        50_002 => "JPEG XL",
        _ => "an unknown method",
    };
    Err(Fault::Compression { number, name })
}

fn colors(directory: &Directory<'_>, bits: u32) -> Result<Colors, Fault> {
    Ok(match directory.number(262)?.unwrap_or_default() {
        0 => Colors::Ink,
        1 => Colors::Grey,
        2 => Colors::Rgb,
        3 => Colors::Palette(palette(directory, bits)?),
        5 => Colors::Cmyk,
        6 => Colors::YCbCr,
        number => return Err(Fault::Colors { number }),
    })
}

/// All reds of 16 bits, then all greens, then all blues.
fn palette(directory: &Directory<'_>, bits: u32) -> Result<Vec<[u8; 3]>, Fault> {
    let values = directory.find(320)?.ok_or(Fault::Missing { tag: 320 })?;
    let count = 1 << bits.min(8);
    if values.len() != 3 * count {
        return Err(Fault::Tag { tag: 320 });
    }
    let level = |index| values.get(index).unwrap_or_default().div_euclid(256) as u8;
    let colors = (0..count).map(|index| [index, count + index, 2 * count + index].map(level));
    Ok(colors.collect())
}

/// As in Pillow, an unspecified fourth sample is transparency.
fn alpha(directory: &Directory<'_>, colors: &Colors, samples: usize) -> Result<Alpha, Fault> {
    let extra = directory.number(338)?;
    let may_have = matches!(colors, Colors::Grey | Colors::Ink | Colors::Rgb);
    Ok(match (samples > colors.samples() && may_have, extra) {
        (true, Some(1)) => Alpha::Premultiplied,
        (true, Some(2 | 999)) => Alpha::Straight,
        (true, None) if samples == 4 => Alpha::Straight,
        _ => Alpha::None,
    })
}

fn has_differences(directory: &Directory<'_>, bits: u32) -> Result<bool, Fault> {
    match directory.number(317)? {
        None | Some(1) => Ok(false),
        Some(2) if bits >= 8 => Ok(true),
        Some(number) => Err(Fault::Predictor { number }),
    }
}

fn chunks<'a>(
    directory: &Directory<'a>,
    [width, height]: [u32; 2],
    planes: usize,
) -> Result<Chunks<'a>, Fault> {
    let side = |tag| match directory.required(tag)? {
        side if TILE_SIDES.contains(&side) => Ok(side as u32),
        side => Err(Fault::Tile { side }),
    };
    let is_tiled = directory.find(322)?.is_some();
    let (size, offsets, lengths) = if is_tiled {
        ([side(322)?, side(323)?], 324, 325)
    } else {
        let rows = directory.number(278)?.unwrap_or(u64::MAX).min(height.into()) as u32;
        ([width, rows], 273, 279)
    };
    if size.contains(&0) {
        return Err(Fault::Tag { tag: 278 });
    }
    let chunks = Chunks {
        size,
        count: [width.div_ceil(size[0]), height.div_ceil(size[1])],
        offsets: directory.find(offsets)?.ok_or(Fault::Missing { tag: offsets })?,
        lengths: directory.find(lengths)?,
    };
    let needed = chunks.count.map(u64::from).iter().product::<u64>() * planes as u64;
    let got = chunks.offsets.len().min(chunks.lengths.map_or(usize::MAX, |lengths| lengths.len()));
    if needed > got as u64 {
        return Err(Fault::Chunks { needed, got });
    }
    Ok(chunks)
}
