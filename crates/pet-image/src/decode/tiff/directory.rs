//! The first directory of a TIFF file (TIFF 6.0, section 2, and `BigTIFF`).

use crate::Error;

/// Why a TIFF file cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// Reported as [`Error::Truncated`].
    #[error("it is truncated")]
    Truncated,
    /// Reported as it is.
    #[error(transparent)]
    Other(#[from] Error),
    #[error("the tag `{tag}` is missing")]
    Missing { tag: u16 },
    #[error("the tag `{tag}` has an invalid value")]
    Tag { tag: u16 },
    #[error("it has `{samples}` samples per pixel, expected 1 to 8")]
    Samples { samples: u64 },
    #[error("it has `{bits}` bits per sample, expected 1, 2, 4, 8 or 16, the same for all")]
    Bits { bits: u64 },
    #[error("its samples are floating-point or signed numbers, expected unsigned integers")]
    SampleFormat,
    #[error(
        "it is compressed with {name} (`{number}`), expected LZW, Deflate, PackBits, JPEG or nothing"
    )]
    Compression { number: u64, name: &'static str },
    #[error("its colour type is `{number}`, expected grey, RGB, a palette or CMYK")]
    Colors { number: u64 },
    #[error("its combination of colours, bits, samples and compression is not supported")]
    Combination,
    #[error("it has the predictor `{number}`, expected 1, or 2 with 8 or 16 bits per sample")]
    Predictor { number: u64 },
    #[error("a side of its tiles is `{side}`, expected 16 to 16384")]
    Tile { side: u64 },
    #[error(
        "its tiles cover more than the limit of `{limit}` pixels, most of them outside the image"
    )]
    Outside { limit: u64 },
    #[error("it has `{got}` strips or tiles, expected `{needed}`")]
    Chunks { needed: u64, got: usize },
    #[error("its strips or tiles share their data")]
    Shared,
    #[error("the data of a strip or tile ends too early")]
    Short,
    #[error("the data of a strip or tile is damaged")]
    Data { source: std::io::Error },
    #[error("a strip or tile is not a JPEG image of the expected size")]
    NoJpeg,
    #[error("a strip or tile cannot be decoded")]
    Jpeg { source: Box<Error> },
}

/// Byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    /// The number in up to eight bytes.
    pub(super) fn number(self, bytes: &[u8]) -> u64 {
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        match self {
            Self::Little => bytes.iter().rev().fold(0, join),
            Self::Big => bytes.iter().fold(0, join),
        }
    }
}

/// The first directory of a file, which describes the first image. Others are not read, so there can be no loop.
pub(super) struct Directory<'a> {
    bytes: &'a [u8],
    pub(super) order: Order,
    /// Bytes of a count and of an offset.
    word: usize,
    entries: &'a [u8],
}

/// The values of an entry.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    order: Order,
    /// Bytes of an unsigned integer; `None` for other types.
    width: Option<usize>,
    pub(super) bytes: &'a [u8],
}

impl<'a> Directory<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let order = match bytes.first() {
            Some(b'I') => Order::Little,
            _ => Order::Big,
        };
        let number = |at: usize, width: usize| {
            let end = at.checked_add(width).ok_or(Fault::Truncated)?;
            let bytes = bytes.get(at..end).ok_or(Fault::Truncated)?;
            usize::try_from(order.number(bytes)).map_err(|_| Fault::Truncated)
        };
        let (word, width_of_count) = match number(2, 2)? {
            43 => (8, 8),
            _ => (4, 2),
        };
        let start = number(word, word)?;
        let count = number(start, width_of_count)?;
        let start = start + width_of_count;
        let length = count.checked_mul(4 + 2 * word);
        let end = length.and_then(|length| start.checked_add(length));
        let entries = end.and_then(|end| bytes.get(start..end));
        Ok(Self { bytes, order, word, entries: entries.ok_or(Fault::Truncated)? })
    }

    /// The values of a tag, if it has an entry.
    pub(super) fn find(&self, tag: u16) -> Result<Option<Values<'a>>, Fault> {
        let mut entries = self.entries.chunks_exact(4 + 2 * self.word);
        let Some(entry) = entries.find(|entry| self.order.number(&entry[..2]) == u64::from(tag))
        else {
            return Ok(None);
        };
        let (kind, rest) = entry[2..].split_at(2);
        let (count, field) = rest.split_at(self.word);
        let (width, is_number) = match self.order.number(kind) {
            1 => (1, true),
            3 => (2, true),
            4 | 13 => (4, true),
            16 | 18 => (8, true),
            2 | 6 | 7 => (1, false),
            8 => (2, false),
            9 | 11 => (4, false),
            5 | 10 | 12 | 17 => (8, false),
            _ => return Err(Fault::Tag { tag }),
        };
        let length = usize::try_from(self.order.number(count)).unwrap_or(usize::MAX);
        let length = length.saturating_mul(width);
        let bytes = if length <= self.word {
            &field[..length]
        } else {
            let start = usize::try_from(self.order.number(field)).unwrap_or(usize::MAX);
            let range = start..start.saturating_add(length);
            self.bytes.get(range).ok_or(Fault::Truncated)?
        };
        Ok(Some(Values { order: self.order, width: is_number.then_some(width), bytes }))
    }

    /// The first value of a tag, if it has an entry.
    pub(super) fn number(&self, tag: u16) -> Result<Option<u64>, Fault> {
        let values = self.find(tag)?;
        values.map(|values| values.get(0).ok_or(Fault::Tag { tag })).transpose()
    }

    /// The first value of a required tag.
    pub(super) fn required(&self, tag: u16) -> Result<u64, Fault> {
        self.number(tag)?.ok_or(Fault::Missing { tag })
    }
}

impl Values<'_> {
    pub(super) fn len(&self) -> usize {
        self.width.map_or(0, |width| self.bytes.len() / width)
    }

    pub(super) fn get(&self, index: usize) -> Option<u64> {
        let width = self.width?;
        let bytes = self.bytes.chunks_exact(width).nth(index)?;
        Some(self.order.number(bytes))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u64> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Width 5 inline, three values of bits elsewhere.
    const SMALL: &[u8] = b"II*\0\x08\0\0\0\x02\0\
        \0\x01\x04\0\x01\0\0\0\x05\0\0\0\
        \x02\x01\x03\0\x03\0\0\0\x22\0\0\0\
        \x08\0\x08\0\x08\0";

    #[test]
    fn values_are_found_inside_and_outside_their_entries() {
        let directory = Directory::read(SMALL).unwrap();
        assert_eq!(directory.required(256).unwrap(), 5);
        let bits = directory.find(258).unwrap().unwrap();
        assert_eq!(bits.iter().collect::<Vec<_>>(), [8, 8, 8]);
        assert_eq!(directory.number(257).unwrap(), None);
        assert!(matches!(directory.required(257), Err(Fault::Missing { tag: 257 })));
    }

    #[test]
    fn every_cut_is_noticed() {
        for cut in 2..SMALL.len() {
            let directory = Directory::read(&SMALL[..cut]);
            let bits = directory.and_then(|directory| directory.find(258).map(|_| ()));
            assert!(matches!(bits, Err(Fault::Truncated)), "{cut}");
        }
    }

    #[test]
    fn counts_and_offsets_without_measure_are_no_values() {
        for at in [14, 26, 30] {
            let mut bytes = SMALL.to_vec();
            bytes[at..at + 4].fill(0xff);
            let directory = Directory::read(&bytes).unwrap();
            let tag = if at == 14 { 256 } else { 258 };
            assert!(matches!(directory.find(tag), Err(Fault::Truncated)), "{at}");
        }
    }
}
