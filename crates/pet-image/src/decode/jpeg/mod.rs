//! JPEG: baseline and progressive, 8 bits, Huffman coding, at full or reduced size.
//!
//! Why not a library: in a grid of 771 valid files (sampling factors 1, 2 and 4 for each component, scans of one, some and
//! all components, restart intervals) `zune-jpeg` 0.5.15 decoded 180 wrongly without an error, rejected 301 and panicked on
//! 94; `jpeg-decoder` 0.3.2 decoded 7 wrongly and rejected 46, takes 1.5 times as long as zune-jpeg on photographs of
//! 500x375 pixels, and returns nothing for a file with a flaw in its last rows. Both have unsafe code. `turbojpeg` needs a
//! C compiler and would expose C code to untrusted files. This decoder has libjpeg's arithmetic and no unsafe code, checks
//! all headers before decoding, and stops where a file is damaged.
//!
//! Data flows from `segments` (which fill a `header`) through `scan` (coefficients, decoded by `huffman`) and `transform`
//! (inverse DCT) to `planes` (pixels).

mod header;
mod huffman;
mod planes;
mod scan;
mod segments;
mod transform;

use image::{RgbImage, metadata::Orientation};

use self::header::{Colors, Component, Fault, Frame, Header, Scan};
use self::planes::Plane;
use self::scan::{Blocks, row_by_row};
use self::segments::MAX_SCANS;
use super::finish::{to_srgb, upright};
use crate::{Cost, Error, Format, Limits};

/// At most one in this many rows of a damaged image may be missing.
const MISSING_ROWS: u32 = 16;

/// Largest number of scans of an image with as many pixels as the limit allows; smaller ones may have more.
const SCANS_AT_THE_LIMIT: u64 = 16;

/// Memory for each pixel of the limit.
const BYTES_PER_PIXEL: u64 = 12;
/// Memory for everything else.
const OVERHEAD: u64 = 1 << 20;

/// Decodes a file at a reduced size, see [`decode_reduced`](super::decode_reduced).
pub(super) fn decode(
    bytes: &[u8],
    limits: &Limits,
    reduce: impl Fn(u32, u32) -> u32,
) -> Result<RgbImage, Error> {
    let header = segments::read(bytes)?.ok_or_else(|| Error::truncated(bytes, Format::Jpeg))?;
    limits.check_size(header.frame.width, header.frame.height)?;
    check_work(&header, limits)?;
    let mut image = pixels(&header, size(&header, reduce), limits)?;
    let is_cmyk = matches!(header.colors, Colors::Cmyk | Colors::Ycck);
    if let Some(profile) = header.profile().filter(|_| !is_cmyk) {
        to_srgb(&profile, header.colors == Colors::Grey, moxcms::Layout::Rgb, &mut image);
    }
    Ok(upright(image, header.orientation()))
}

/// The cost of [`decode`] for a valid file.
pub(super) fn cost(bytes: &[u8], reduce: impl Fn(u32, u32) -> u32) -> Option<Cost> {
    let header = segments::read(bytes).ok()??;
    let frame = &header.frame;
    let size = size(&header, reduce);
    let layouts = layouts(frame, size).ok()?;
    let [width, height] = reduced(frame, size);
    let decoded = u64::from(width) * u64::from(height);
    let decoding = memory(&layouts, frame.progressive, width, height);
    Some(Cost {
        pixels: decoded,
        // Rotating holds two images, after the planes are freed.
        memory: decoding.max(6 * decoded),
        work: u64::from(frame.width) * u64::from(frame.height) * header.scan_count as u64,
    })
}

/// The decoded side of a block of 8 samples.
fn size(header: &Header<'_>, reduce: impl Fn(u32, u32) -> u32) -> u32 {
    let Frame { width, height, .. } = header.frame;
    let is_turned = matches!(
        header.orientation(),
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let part = if is_turned { reduce(height, width) } else { reduce(width, height) };
    8 / part.clamp(1, 8)
}

/// Width and height of the image when blocks are decoded to squares of `size`.
fn reduced(frame: &Frame, size: u32) -> [u32; 2] {
    [frame.width, frame.height].map(|side| (side * size).div_ceil(8))
}

/// Checks that decoding does not take too long.
fn check_work(header: &Header<'_>, limits: &Limits) -> Result<(), Error> {
    let pixels = u64::from(header.frame.width) * u64::from(header.frame.height);
    let limit = limits.pixels.saturating_mul(SCANS_AT_THE_LIMIT) / pixels.max(1);
    let (scans, limit) = (header.scan_count as u64, limit.min(MAX_SCANS as u64));
    if scans > limit {
        return Err(Error::TooManyScans { scans, limit });
    }
    Ok(())
}

fn pixels(header: &Header<'_>, size: u32, limits: &Limits) -> Result<RgbImage, Error> {
    let frame = &header.frame;
    let [width, height] = reduced(frame, size);
    let layouts = layouts(frame, size)?;
    let bytes = memory(&layouts, frame.progressive, width, height);
    let limit = limits.pixels.saturating_mul(BYTES_PER_PIXEL).saturating_add(OVERHEAD);
    if bytes > limit {
        return Err(Error::TooMuchMemory { bytes, limit });
    }
    let mut planes: Vec<Plane> = layouts.iter().map(Layout::plane).collect();
    read_scans(header, &layouts, &mut planes)?;
    let mut image = RgbImage::new(width, height);
    pulp::Arch::new().dispatch(planes::Picture {
        planes: &planes,
        colors: header.colors,
        is_smooth: size > 1,
        width: width as usize,
        pixels: &mut image,
    });
    Ok(image)
}

/// Decodes all scans into planes. Tolerates damage in the last rows.
fn read_scans(header: &Header<'_>, layouts: &[Layout], planes: &mut [Plane]) -> Result<(), Error> {
    let frame = &header.frame;
    let mut decoded = frame.height as usize;
    let mut fault = None;
    let mut store: Vec<Blocks> =
        layouts.iter().map(|layout| layout.store(frame.progressive)).collect();
    for scan in &header.scans {
        let result = scan::read(frame, scan, &mut store, |store, row| {
            // The coefficients of a progressive file are complete only after its last scan.
            if !frame.progressive {
                finish_row(scan, store, row, layouts, planes);
            }
        });
        if let Err(broken) = result {
            if matches!(broken.fault, Fault::Cancelled) {
                return Err(Error::Cancelled);
            }
            decoded = decoded.min(broken.row * frame.rows_of_unit(scan) as usize);
            fault.get_or_insert(broken.fault);
        }
    }
    check_damage(frame.height, decoded as u32, fault)?;
    if frame.progressive {
        for ((layout, plane), store) in layouts.iter().zip(planes).zip(store) {
            layout.write(&store.blocks, &mut plane.levels);
        }
    }
    Ok(())
}

/// Checks that almost all rows were decoded.
fn check_damage(height: u32, decoded: u32, fault: Option<Fault>) -> Result<(), Error> {
    match fault {
        Some(fault) if height - decoded > height / MISSING_ROWS => {
            Err(Error::Damaged { format: Format::Jpeg, decoded, height, source: fault.into() })
        }
        _ => Ok(()),
    }
}

/// Turns a row of units of a sequential scan into levels, and clears it for the next.
fn finish_row(
    scan: &Scan<'_>,
    store: &mut [Blocks],
    row: usize,
    layouts: &[Layout],
    planes: &mut [Plane],
) {
    let interleaved = scan.components.len() > 1;
    for part in &scan.components {
        let (layout, blocks) = (&layouts[part.index], &mut store[part.index].blocks);
        let height = if interleaved { layout.sampling } else { 1 };
        let used = &mut blocks[..height * layout.blocks[0]];
        let row_length = layout.blocks[0] * layout.size * layout.size;
        let levels = planes[part.index].levels.chunks_mut(height * row_length).nth(row);
        layout.write(used, levels.unwrap_or_default());
        used.fill([0; 64]);
    }
}

fn layouts(frame: &Frame, size: u32) -> Result<Vec<Layout>, Fault> {
    let components = frame.components.iter();
    components.map(|component| Layout::new(frame, component, size)).collect()
}

/// Memory of decoding in bytes: coefficients, planes and pixels.
fn memory(layouts: &[Layout], progressive: bool, width: u32, height: u32) -> u64 {
    let for_component = |layout: &Layout| {
        let blocks = layout.blocks[0] as u64 * layout.blocks[1] as u64;
        let coefficients = if progressive { 128 } else { 0 };
        blocks * (coefficients + (layout.size * layout.size) as u64)
    };
    let pixels = 3 * u64::from(width) * u64::from(height);
    pixels + layouts.iter().map(for_component).sum::<u64>()
}

/// How the blocks of a component become a plane.
struct Layout {
    /// Blocks in a row and in a column.
    blocks: [usize; 2],
    /// Rows of blocks in an interleaved unit.
    sampling: usize,
    /// Side of a block in levels.
    size: usize,
    samples: [usize; 2],
    shared: [usize; 2],
    quantization: [u16; 64],
}

impl Layout {
    fn new(frame: &Frame, component: &Component, size: u32) -> Result<Self, Fault> {
        let quantization = component.quantization.as_ref().ok_or(Fault::NoScan)?;
        let (max, sampling) = (frame.max_sampling(), component.sampling);
        let is_shared = |own: u32| {
            [0, 1].iter().all(|&axis| (max[axis] * size).is_multiple_of(sampling[axis] * own))
        };
        // Subsampled components are reduced less.
        let mut own = size;
        while own < 8 && is_shared(2 * own) {
            own *= 2;
        }
        if !is_shared(own) {
            return Err(Fault::Sampling);
        }
        Ok(Self {
            blocks: frame.blocks(component),
            sampling: sampling[1] as usize,
            size: own as usize,
            samples: frame.samples(component, own),
            shared: [0, 1].map(|axis| (max[axis] * size / (sampling[axis] * own)) as usize),
            quantization: row_by_row(quantization),
        })
    }

    fn plane(&self) -> Plane {
        let [width, height] = self.blocks.map(|blocks| blocks * self.size);
        // Grey where no scan has data.
        Plane {
            levels: vec![128; width * height],
            stride: width,
            size: self.samples,
            shared: self.shared,
        }
    }

    fn store(&self, progressive: bool) -> Blocks {
        let rows = if progressive { self.blocks[1] } else { self.sampling };
        Blocks { blocks: vec![[0; 64]; self.blocks[0] * rows], stride: self.blocks[0] }
    }

    fn write(&self, blocks: &[scan::Block], levels: &mut [u8]) {
        pulp::Arch::new().dispatch(transform::Rows {
            blocks,
            stride: self.blocks[0],
            quantization: &self.quantization,
            size: self.size,
            levels,
        });
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Cancelled => Self::Cancelled,
            fault => Self::Decode { format: Format::Jpeg, source: fault.into() },
        }
    }
}
