//! The rows of a strip or tile, as 8-bit samples, decompressed as they are needed.

use std::io::{ErrorKind, Read};

use image::RgbImage;
use weezl::{BitOrder, LzwStatus, decode};

use super::super::jpeg;
use super::directory::{Fault, Order};
use super::header::{Colors, Compression, Header};
use crate::{Error, Limits};

/// Start of a JPEG file, and a segment that declares RGB.
const JPEG_START: &[u8] = b"\xff\xd8";
const JPEG_RGB: &[u8] = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0";

/// The remaining rows of a strip or tile.
pub(super) struct Rows<'a> {
    header: &'a Header<'a>,
    source: Source<'a>,
    /// A row as stored.
    stored: Vec<u8>,
    /// A row of 8-bit samples, pixel by pixel.
    samples: Vec<u8>,
}

enum Source<'a> {
    /// One for each plane.
    Streams(Vec<Box<dyn Read + 'a>>),
    Picture {
        image: RgbImage,
        next: usize,
    },
}

impl<'a> Header<'a> {
    fn planes(&self) -> usize {
        if self.is_planar { self.samples } else { 1 }
    }

    /// Bytes of a row of a chunk in one plane.
    fn row_bytes(&self) -> usize {
        let samples = self.chunks.size[0] as usize * self.samples / self.planes();
        (samples * self.bits as usize).div_ceil(8)
    }

    /// Number of chunks in a plane.
    fn chunk_count(&self) -> usize {
        self.chunks.count.map(|count| count as usize).iter().product()
    }

    /// Rows of a chunk within the image.
    pub(super) fn height_of(&self, chunk: usize) -> u32 {
        let top = chunk as u32 / self.chunks.count[0] * self.chunks.size[1];
        self.chunks.size[1].min(self.height - top)
    }

    /// Checks that all data is present, and that chunks do not share it, which would multiply the work.
    pub(super) fn check_data(&self, bytes: &[u8]) -> Result<(), Fault> {
        let mut packed = 0;
        for plane in 0..self.planes() {
            for chunk in 0..self.chunk_count() {
                packed += self.data(bytes, plane, chunk)?.len();
            }
        }
        if packed > 2 * bytes.len() {
            return Err(Fault::Shared);
        }
        Ok(())
    }

    /// The data of a chunk.
    fn data(&self, bytes: &'a [u8], plane: usize, chunk: usize) -> Result<&'a [u8], Fault> {
        let index = plane * self.chunk_count() + chunk;
        // Writers disagree about the lengths of uncompressed data.
        let length = match self.chunks.lengths {
            Some(lengths) if self.compression != Compression::None => lengths.get(index),
            _ => Some(self.row_bytes() as u64 * u64::from(self.height_of(chunk))),
        };
        let start = self.chunks.offsets.get(index);
        let start = start.and_then(|start| usize::try_from(start).ok());
        let length = length.and_then(|length| usize::try_from(length).ok());
        let range = start.zip(length).map(|(start, length)| start..start.saturating_add(length));
        range.and_then(|range| bytes.get(range)).ok_or(Fault::Truncated)
    }

    /// The rows of a chunk; chunks are numbered row by row.
    pub(super) fn rows(&'a self, bytes: &'a [u8], chunk: usize) -> Result<Rows<'a>, Fault> {
        let source = if self.compression == Compression::Jpeg {
            Source::Picture { image: self.jpeg(self.data(bytes, 0, chunk)?, chunk)?, next: 0 }
        } else {
            let streams = (0..self.planes())
                .map(|plane| Ok(unpacked(self.compression, self.data(bytes, plane, chunk)?)));
            Source::Streams(streams.collect::<Result<_, Fault>>()?)
        };
        Ok(Rows {
            header: self,
            source,
            stored: vec![0; self.row_bytes()],
            samples: vec![0; self.chunks.size[0] as usize * self.samples],
        })
    }

    /// Decodes a chunk that is a JPEG file with shared tables.
    fn jpeg(&self, data: &[u8], chunk: usize) -> Result<RgbImage, Fault> {
        let [width, height] = self.chunks.size;
        let tables = self.jpeg_tables.strip_prefix(JPEG_START).unwrap_or_default();
        let tables = tables.strip_suffix(b"\xff\xd9").unwrap_or(tables);
        let colors = if self.colors == Colors::Rgb { JPEG_RGB } else { b"" };
        let data = data.strip_prefix(JPEG_START).ok_or(Fault::NoJpeg)?;
        let file = [JPEG_START, colors, tables, data].concat();
        let limits =
            Limits { bytes: u64::MAX, width, height, pixels: u64::from(width) * u64::from(height) };
        let image = jpeg::decode(&file, &limits, |_, _| 1).map_err(|error| match error {
            Error::Cancelled => Fault::Other(error),
            error => Fault::Jpeg { source: Box::new(error) },
        })?;
        if image.width() != width || image.height() < self.height_of(chunk) {
            return Err(Fault::NoJpeg);
        }
        Ok(image)
    }
}

impl Rows<'_> {
    /// The samples of the next row.
    pub(super) fn next(&mut self) -> Result<&[u8], Fault> {
        let header = self.header;
        match &mut self.source {
            Source::Picture { image, next } => {
                let row = image.chunks_exact(3 * image.width() as usize).nth(*next);
                *next += 1;
                let pixels = row.unwrap_or_default().as_chunks::<3>().0;
                for (samples, pixel) in self.samples.chunks_exact_mut(header.samples).zip(pixels) {
                    samples.copy_from_slice(&pixel[..header.samples]);
                }
            }
            Source::Streams(planes) => {
                let step = planes.len();
                for (plane, stream) in planes.iter_mut().enumerate() {
                    stream.read_exact(&mut self.stored).map_err(unreadable)?;
                    if header.is_reversed {
                        self.stored.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
                    }
                    if header.has_differences {
                        add_up(&mut self.stored, header.bits, header.samples / step, header.order);
                    }
                    let levels = self.samples[plane..].iter_mut().step_by(step);
                    write_levels(&self.stored, header, levels);
                }
            }
        }
        Ok(&self.samples)
    }
}

fn unreadable(error: std::io::Error) -> Fault {
    match error.kind() {
        ErrorKind::UnexpectedEof => Fault::Short,
        _ => Fault::Data { source: error },
    }
}

/// Turns differences to the left neighbour into samples.
fn add_up(row: &mut [u8], bits: u32, samples: usize, order: Order) {
    if bits == 8 {
        for index in samples..row.len() {
            row[index] = row[index].wrapping_add(row[index - samples]);
        }
        return;
    }
    let pairs = row.as_chunks_mut::<2>().0;
    for index in samples..pairs.len() {
        let [sum, before] =
            [pairs[index], pairs[index - samples]].map(|pair| order.number(&pair) as u16);
        let sum = sum.wrapping_add(before);
        pairs[index] = match order {
            Order::Little => sum.to_le_bytes(),
            Order::Big => sum.to_be_bytes(),
        };
    }
}

/// Scales samples of any bit depth to levels, except palette indices.
fn write_levels<'a>(row: &[u8], header: &Header<'_>, levels: impl Iterator<Item = &'a mut u8>) {
    match header.bits {
        8 => levels.zip(row).for_each(|(level, &sample)| *level = sample),
        16 => {
            for (level, pair) in levels.zip(row.as_chunks::<2>().0) {
                *level = ((header.order.number(pair) as u32 + 128) / 257) as u8;
            }
        }
        bits => {
            let max = (1 << bits) - 1;
            let scale = if matches!(header.colors, Colors::Palette(_)) { 1 } else { 255 / max };
            let in_byte = 8 / bits as usize;
            for (index, level) in levels.enumerate() {
                let shift = 8 - bits as usize * (index % in_byte + 1);
                *level = (row[index / in_byte] >> shift & max) * scale;
            }
        }
    }
}

/// The decompressed `data` as a stream, of which only the needed rows are read; except for JPEG.
fn unpacked(compression: Compression, data: &[u8]) -> Box<dyn Read + '_> {
    match compression {
        Compression::None | Compression::Jpeg => Box::new(data),
        Compression::Deflate => Box::new(flate2::bufread::ZlibDecoder::new(data)),
        Compression::PackBits => Box::new(PackBits { data, run: Run::Plain(0) }),
        Compression::Lzw => {
            let codes = decode::Configuration::with_tiff_size_switch(BitOrder::Msb, 8);
            let decoder = codes.with_yield_on_full_buffer(true).build();
            Box::new(Lzw { data, decoder })
        }
    }
}

struct Lzw<'a> {
    data: &'a [u8],
    decoder: decode::Decoder,
}

impl Read for Lzw<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let result = self.decoder.decode_bytes(self.data, buffer);
            self.data = &self.data[result.consumed_in..];
            match result.status {
                Ok(LzwStatus::Ok) if result.consumed_out == 0 && result.consumed_in > 0 => {}
                Ok(_) => return Ok(result.consumed_out),
                Err(error) => return Err(std::io::Error::new(ErrorKind::InvalidData, error)),
            }
        }
    }
}

/// Runs of bytes, each as it is or repeated.
struct PackBits<'a> {
    data: &'a [u8],
    run: Run,
}

/// The rest of a run.
enum Run {
    Plain(usize),
    Repeated(usize, u8),
}

impl PackBits<'_> {
    /// Starts the next run, if there is one.
    fn next_run(&mut self) -> Option<()> {
        loop {
            let (&head, rest) = self.data.split_first()?;
            self.data = rest;
            match head {
                // No operation.
                128 => {}
                0..128 => {
                    self.run = Run::Plain(usize::from(head) + 1);
                    return Some(());
                }
                _ => {
                    let (&byte, rest) = rest.split_first()?;
                    self.data = rest;
                    self.run = Run::Repeated(257 - usize::from(head), byte);
                    return Some(());
                }
            }
        }
    }
}

impl Read for PackBits<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if matches!(self.run, Run::Plain(0) | Run::Repeated(0, _)) && self.next_run().is_none() {
            return Ok(0);
        }
        match &mut self.run {
            Run::Plain(left) => {
                let count = buffer.len().min(*left);
                let count = self.data.read(&mut buffer[..count])?;
                *left -= count;
                Ok(count)
            }
            Run::Repeated(left, byte) => {
                let count = buffer.len().min(*left);
                buffer[..count].fill(*byte);
                *left -= count;
                Ok(count)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_unpacks() {
        let packed = b"\xfe\xaa\x02\x80\0\x2a\xfd\xaa\x03\x80\0\x2a\x22\xf7\xaa";
        let mut rows = unpacked(Compression::PackBits, packed);
        let mut all = [0; 24];
        let (first, rest) = all.split_at_mut(5);
        rows.read_exact(first).unwrap();
        rows.read_exact(rest).unwrap();
        let plain = b"\xaa\xaa\xaa\x80\0\x2a\xaa\xaa\xaa\xaa\x80\0\x2a\x22\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa";
        assert_eq!(&all, plain);
        assert_eq!(rows.read(&mut [0; 3]).unwrap(), 0);
    }

    #[test]
    fn what_ends_early_gives_no_row() {
        for compression in
            [Compression::None, Compression::PackBits, Compression::Lzw, Compression::Deflate]
        {
            for data in [&b""[..], b"\x80", b"\x80\x80\x80", b"\x05a"] {
                assert!(unpacked(compression, data).read_exact(&mut [0; 9]).is_err());
            }
        }
    }
}
