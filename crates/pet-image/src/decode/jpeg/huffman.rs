//! Huffman decoding (ITU-T T.81, annexes C and F).

use super::header::{Codes, Fault};

/// Codes up to this many bits are in a lookup table, longer ones are searched.
const FAST_BITS: u32 = 10;

/// The longest code.
const MAX_BITS: u32 = 16;

/// The lowest bit of each byte.
const LOW: u64 = 0x0101_0101_0101_0101;

/// Reads the bits of one scan, followed by zeros after a marker and after the end.
pub(super) struct BitReader<'a> {
    data: &'a [u8],
    position: usize,
    /// The next bits, from the highest.
    bits: u64,
    /// Number of valid bits.
    count: u32,
    /// Number of zeros that were appended.
    padding: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, position: 0, bits: 0, count: 0, padding: 0 }
    }

    /// Makes at least 32 bits valid.
    #[inline(always)]
    fn refill(&mut self) {
        if self.count >= 32 {
            return;
        }
        let next = self.data.get(self.position..).and_then(<[u8]>::first_chunk);
        if let Some(next) = next {
            let word = u64::from_be_bytes(*next);
            let has_marker_byte = (!word).wrapping_sub(LOW) & word & (LOW << 7) != 0;
            if !has_marker_byte {
                self.bits |= word >> self.count;
                let bytes = (63 - self.count) / 8;
                self.position += bytes as usize;
                self.count += 8 * bytes;
                return;
            }
        }
        self.refill_bytewise();
    }

    #[cold]
    #[inline(never)]
    fn refill_bytewise(&mut self) {
        while self.count <= 55 {
            let pair = (self.data.get(self.position), self.data.get(self.position + 1));
            let (byte, length) = match pair {
                (Some(0xff), Some(0x00)) => (0xff, 2),
                (Some(0xff), Some(0xff)) => {
                    self.position += 1;
                    continue;
                }
                (None | Some(0xff), _) => {
                    self.padding = self.padding.saturating_add(8);
                    (0, 0)
                }
                (Some(&byte), _) => (byte, 1),
            };
            self.position += length;
            self.bits |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    #[inline(always)]
    fn peek(&self, count: u32) -> u32 {
        (self.bits >> 32) as u32 >> (32 - count)
    }

    #[inline(always)]
    fn consume(&mut self, count: u32) {
        self.bits <<= count;
        self.count = self.count.saturating_sub(count);
    }

    /// Up to 16 bits as a number.
    #[inline(always)]
    pub(super) fn number(&mut self, count: u32) -> u32 {
        if count == 0 {
            return 0;
        }
        self.refill();
        let number = self.peek(count);
        self.consume(count);
        number
    }

    /// A signed number of 0 to 16 bits, in the encoding of differences and coefficients.
    #[inline(always)]
    fn signed(&mut self, count: u32) -> i32 {
        if count == 0 {
            return 0;
        }
        let number = self.peek(count) as i32;
        self.consume(count);
        extend(number, count)
    }

    /// Whether more bits were read than there are.
    pub(super) fn is_exhausted(&self) -> bool {
        self.padding > self.count
    }

    /// Continues after the next restart marker, which must have the expected number.
    pub(super) fn restart(&mut self, expected: u8) -> Result<(), Fault> {
        (self.bits, self.count, self.padding) = (0, 0, 0);
        loop {
            let rest = self.data.get(self.position..).unwrap_or_default();
            let start = memchr::memchr(0xff, rest).ok_or(Fault::Restart { expected })?;
            self.position += start + 1;
            match self.data.get(self.position) {
                Some(marker @ 0xd0..=0xd7) if marker & 7 == expected => {
                    self.position += 1;
                    return Ok(());
                }
                Some(0x00 | 0xff) => {}
                _ => return Err(Fault::Restart { expected }),
            }
        }
    }
}

/// Sign extension (annex F.2.2.1): a number below half the range of its bits is negative.
fn extend(number: i32, bits: u32) -> i32 {
    if number < 1 << (bits - 1) { number - (1 << bits) + 1 } else { number }
}

/// A Huffman table prepared for decoding.
pub(super) struct Huffman {
    /// By the next bits: symbol and length of its code; length 0 for longer codes.
    fast: [[u8; 2]; 1 << FAST_BITS],
    /// By the next bits: a coefficient, the zeros before it, and the bits of code and number; 0 bits if they are too
    /// long.
    coefficients: [(i16, u8, u8); 1 << FAST_BITS],
    /// For each length: the first longer code, left-aligned in 16 bits, and the offset from codes to indices.
    slow: [(u32, i32); MAX_BITS as usize + 1],
    symbols: [u8; 256],
}

impl Huffman {
    pub(super) fn new(codes: Codes<'_>) -> Result<Self, Fault> {
        let mut table = Self {
            fast: [[0; 2]; 1 << FAST_BITS],
            coefficients: [(0, 0, 0); 1 << FAST_BITS],
            slow: [(0, 0); MAX_BITS as usize + 1],
            symbols: [0; 256],
        };
        table.symbols[..codes.symbols.len()].copy_from_slice(codes.symbols);
        let (mut code, mut index) = (0_u32, 0_usize);
        for (bits, &count) in (1..=MAX_BITS).zip(codes.counts) {
            let (offset, count) = (index as i32 - code as i32, u32::from(count));
            if code + count > 1 << bits {
                return Err(Fault::Segment { marker: 0xc4 });
            }
            if bits <= FAST_BITS {
                for (code, symbol) in (code..).zip(&codes.symbols[index..index + count as usize]) {
                    let spread = FAST_BITS - bits;
                    let range = (code << spread) as usize..((code + 1) << spread) as usize;
                    table.fast[range].fill([*symbol, bits as u8]);
                }
            }
            code += count;
            index += count as usize;
            table.slow[bits as usize] = (code << (MAX_BITS - bits), offset);
            code <<= 1;
        }
        table.combine();
        Ok(table)
    }

    /// Fills the table of codes that are short enough to be looked up together with their number.
    fn combine(&mut self) {
        for (bits, (&[symbol, length], entry)) in
            (0_u32..).zip(self.fast.iter().zip(&mut self.coefficients))
        {
            let (size, length) = (u32::from(symbol & 15), u32::from(length));
            if length > 0 && size > 0 && length + size <= FAST_BITS {
                let number = bits >> (FAST_BITS - length - size) & ((1 << size) - 1);
                let value = extend(number as i32, size) as i16;
                *entry = (value, symbol >> 4, (length + size) as u8);
            }
        }
    }

    /// The next symbol.
    #[inline(always)]
    pub(super) fn symbol(&self, reader: &mut BitReader<'_>) -> Result<u8, Fault> {
        reader.refill();
        let [symbol, bits] = self.fast[reader.peek(FAST_BITS) as usize];
        if bits == 0 {
            return self.long_symbol(reader);
        }
        reader.consume(u32::from(bits));
        Ok(symbol)
    }

    #[inline(never)]
    fn long_symbol(&self, reader: &mut BitReader<'_>) -> Result<u8, Fault> {
        let next = reader.peek(MAX_BITS);
        for bits in FAST_BITS + 1..=MAX_BITS {
            let (end, offset) = self.slow[bits as usize];
            if next < end {
                reader.consume(bits);
                let index = (next >> (MAX_BITS - bits)) as i32 + offset;
                return self.symbols.get(index as usize).copied().ok_or(Fault::Code);
            }
        }
        Err(Fault::Code)
    }

    /// The difference of a DC coefficient to that of the previous block.
    #[inline(always)]
    pub(super) fn difference(&self, reader: &mut BitReader<'_>) -> Result<i32, Fault> {
        let bits = u32::from(self.symbol(reader)?);
        if bits > 15 {
            return Err(Fault::Code);
        }
        Ok(reader.signed(bits))
    }

    /// The number of zeros and the coefficient after them, which is 0 for a run of zeros only.
    #[inline(always)]
    pub(super) fn coefficient(&self, reader: &mut BitReader<'_>) -> Result<(usize, i16), Fault> {
        reader.refill();
        let (value, zeros, bits) = self.coefficients[reader.peek(FAST_BITS) as usize];
        if bits > 0 {
            reader.consume(u32::from(bits));
            return Ok((usize::from(zeros), value));
        }
        let symbol = self.symbol(reader)?;
        let value = reader.signed(u32::from(symbol & 15));
        Ok((usize::from(symbol >> 4), value as i16))
    }
}
