//! What a JPEG file says about its image (ITU-T T.81, annexes A and B).

use image::metadata::Orientation;

/// Why a JPEG file cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the segment with the marker `0x{marker:02x}` is malformed")]
    Segment { marker: u8 },
    #[error(
        "the coding process with the marker `0x{marker:02x}` is neither baseline nor progressive with Huffman codes"
    )]
    Process { marker: u8 },
    #[error("it has `{bits}` bits per sample, expected 8")]
    Precision { bits: u8 },
    #[error("it has `{count}` components, expected 1, 3 or 4")]
    Components { count: u8 },
    #[error("the resolutions of its components are not multiples of one another")]
    Sampling,
    #[error("it has no frame header")]
    NoFrame,
    #[error("it has no data for each of its components")]
    NoScan,
    #[error("a table that a scan needs is missing")]
    NoTable,
    #[error("the data contains an invalid code")]
    Code,
    #[error("the restart marker `{expected}` is missing")]
    Restart { expected: u8 },
    #[error("decoding it was cancelled")]
    Cancelled,
    #[error("the data of a scan ends too early")]
    Exhausted,
}

/// All segments that decoding needs.
pub(super) struct Header<'a> {
    pub(super) frame: Frame,
    pub(super) scans: Vec<Scan<'a>>,
    /// Number of scans in the file.
    pub(super) scan_count: usize,
    pub(super) colors: Colors,
    /// The first EXIF block, as in Pillow.
    pub(super) exif: Option<&'a [u8]>,
    pub(super) profile: Vec<ProfilePart<'a>>,
}

/// A part of the colour profile: its number, counted from 1, the declared number of parts, and the data.
pub(super) type ProfilePart<'a> = (u8, u8, &'a [u8]);

/// Meaning of the components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colors {
    Grey,
    Rgb,
    YCbCr,
    Cmyk,
    Ycck,
}

/// Size and components of the picture.
pub(super) struct Frame {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) progressive: bool,
    pub(super) components: Vec<Component>,
}

pub(super) struct Component {
    pub(super) identifier: u8,
    /// Horizontal and vertical sampling factor, 1 to 4.
    pub(super) sampling: [u32; 2],
    pub(super) quantization_index: usize,
    /// In zigzag order; the table that is current at the component's first scan.
    pub(super) quantization: Option<[u16; 64]>,
}

/// A pass over the data of some components.
pub(super) struct Scan<'a> {
    pub(super) components: Vec<ScanComponent<'a>>,
    /// First and last coefficient.
    pub(super) spectrum: [usize; 2],
    /// Successive approximation: low bits that the previous scan left out, and that this one leaves out.
    pub(super) approximation: [u32; 2],
    /// Units between restart markers; 0 for none.
    pub(super) restart_interval: u32,
    pub(super) data: &'a [u8],
}

pub(super) struct ScanComponent<'a> {
    /// Index among the frame's components.
    pub(super) index: usize,
    pub(super) dc: Option<Codes<'a>>,
    pub(super) ac: Option<Codes<'a>>,
}

/// A Huffman table of the file.
#[derive(Clone, Copy)]
pub(super) struct Codes<'a> {
    /// Number of codes of 1 to 16 bits.
    pub(super) counts: &'a [u8; 16],
    pub(super) symbols: &'a [u8],
}

impl Header<'_> {
    pub(super) fn orientation(&self) -> Orientation {
        let orientation = self.exif.and_then(Orientation::from_exif_chunk);
        orientation.unwrap_or(Orientation::NoTransforms)
    }

    /// The whole colour profile (ICC.1, annex B.4), or `None` if there is none or its parts are inconsistent.
    pub(super) fn profile(&self) -> Option<Vec<u8>> {
        let mut parts = self.profile.clone();
        parts.sort_by_key(|(number, ..)| *number);
        let mut numbers = (1..).zip(&parts);
        let complete = numbers.all(|(expected, &(number, count, _))| {
            usize::from(number) == expected && usize::from(count) == parts.len()
        });
        let data: Vec<_> = parts.iter().map(|(.., data)| *data).collect();
        (complete && !parts.is_empty()).then(|| data.concat())
    }
}

impl Frame {
    /// Largest horizontal and vertical sampling factor.
    pub(super) fn max_sampling(&self) -> [u32; 2] {
        [0, 1].map(|axis| {
            let factors = self.components.iter();
            factors.map(|component| component.sampling[axis]).max().unwrap_or(1)
        })
    }

    /// Units of a scan in a row and in a column. A unit (MCU) is a single block if the scan has one component, else the
    /// blocks of all components that cover an area.
    pub(super) fn units(&self, scan: &Scan<'_>) -> [usize; 2] {
        match &scan.components[..] {
            [part] => self.samples(&self.components[part.index], 8).map(|side| side.div_ceil(8)),
            _ => self.interleaved_units(),
        }
    }

    /// Units of an interleaved scan in a row and in a column.
    fn interleaved_units(&self) -> [usize; 2] {
        let max = self.max_sampling();
        [(self.width, max[0]), (self.height, max[1])]
            .map(|(side, factor)| side.div_ceil(8 * factor) as usize)
    }

    /// Blocks of a component in a row and in a column, including those that pad the last units.
    pub(super) fn blocks(&self, component: &Component) -> [usize; 2] {
        let units = self.interleaved_units();
        [0, 1].map(|axis| units[axis] * component.sampling[axis] as usize)
    }

    /// Width and height of a component in samples, if its blocks have `side` samples a side.
    pub(super) fn samples(&self, component: &Component, side: u32) -> [usize; 2] {
        let (sizes, max) = ([self.width, self.height], self.max_sampling());
        [0, 1].map(|axis| {
            let samples = sizes[axis] * component.sampling[axis] * side;
            samples.div_ceil(8 * max[axis]) as usize
        })
    }

    /// Rows of pixels that a row of a scan's units covers.
    pub(super) fn rows_of_unit(&self, scan: &Scan<'_>) -> u32 {
        let max = self.max_sampling()[1];
        match &scan.components[..] {
            [part] => 8 * max / self.components[part.index].sampling[1],
            _ => 8 * max,
        }
    }
}

impl Scan<'_> {
    /// Checks the rules of the standard that decoding relies on.
    pub(super) fn check(&self, frame: &Frame) -> Result<(), Fault> {
        let ([first, last], [before, after]) = (self.spectrum, self.approximation);
        let blocks = self.components.iter().map(|component| {
            let [width, height] = frame.components[component.index].sampling;
            width * height
        });
        let interleaved = self.components.len() > 1;
        let possible = match (frame.progressive, first) {
            (false, _) => true,
            (true, 0) => last == 0,
            (true, _) => first <= last && last < 64 && !interleaved,
        };
        let steps = !frame.progressive || (after < 14 && (before == 0 || before == after + 1));
        if self.components.is_empty()
            || (interleaved && blocks.sum::<u32>() > 10)
            || !possible
            || !steps
        {
            return Err(Fault::Segment { marker: 0xda });
        }
        Ok(())
    }
}
