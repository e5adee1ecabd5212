//! Decompression as a stream, of which only the needed rows are read.

use std::io::{self, ErrorKind, Read};

use weezl::{BitOrder, LzwStatus, decode};

use super::header::Compression;

/// The decompressed `data`, except for JPEG.
pub(super) fn unpacked(compression: Compression, data: &[u8]) -> Box<dyn Read + '_> {
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
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let result = self.decoder.decode_bytes(self.data, buffer);
            self.data = &self.data[result.consumed_in..];
            match result.status {
                Ok(LzwStatus::Ok) if result.consumed_out == 0 && result.consumed_in > 0 => {}
                Ok(_) => return Ok(result.consumed_out),
                Err(error) => return Err(io::Error::new(ErrorKind::InvalidData, error)),
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
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
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
