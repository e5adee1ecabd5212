//! The inverse discrete cosine transform, from coefficients to levels.
//!
//! The arithmetic is that of libjpeg's accurate integer transform (Loeffler, Ligtenberg and Moschytz, 1989), so that
//! levels equal those of Pillow. The lowest sixteen or four coefficients give a block of half or a quarter of its size.

use super::scan::Block;

/// Fractional bits of the constants, and of the values between the two passes.
const CONSTANT_BITS: u32 = 13;
const PASS_BITS: u32 = 2;

/// Eight numbers, one for each column.
///
/// Loops are explicit and functions always inlined, so that the compiler vectorizes them for the instruction set that
/// [`pulp`] selects for [`Rows`].
#[derive(Clone, Copy)]
struct Lanes([i32; 8]);

impl Lanes {
    #[inline(always)]
    fn plus(mut self, other: Self) -> Self {
        for (number, other) in self.0.iter_mut().zip(&other.0) {
            *number = number.wrapping_add(*other);
        }
        self
    }

    #[inline(always)]
    fn minus(mut self, other: Self) -> Self {
        for (number, other) in self.0.iter_mut().zip(&other.0) {
            *number = number.wrapping_sub(*other);
        }
        self
    }

    #[inline(always)]
    fn times(mut self, factor: i32) -> Self {
        for number in &mut self.0 {
            *number = number.wrapping_mul(factor);
        }
        self
    }

    /// Divides by a power of two, rounding to nearest.
    #[inline(always)]
    fn scaled(mut self, bits: u32) -> Self {
        for number in &mut self.0 {
            *number = number.wrapping_add(1 << (bits - 1)) >> bits;
        }
        self
    }
}

/// The first pass, over eight coefficients of each lane.
#[inline(always)]
fn down_columns_8(input: [Lanes; 8]) -> [Lanes; 8] {
    let bits = CONSTANT_BITS - PASS_BITS;
    let z1 = input[2].plus(input[6]).times(4433);
    let even = [
        input[0].plus(input[4]).times(1 << CONSTANT_BITS),
        input[0].minus(input[4]).times(1 << CONSTANT_BITS),
        z1.minus(input[6].times(15_137)),
        z1.plus(input[2].times(6270)),
    ];
    let even = [
        even[0].plus(even[3]),
        even[1].plus(even[2]),
        even[1].minus(even[2]),
        even[0].minus(even[3]),
    ];
    let [a, b, c, d] = [input[7], input[5], input[3], input[1]];
    let z5 = a.plus(c).plus(b).plus(d).times(9633);
    let z1 = a.plus(d).times(-7373);
    let z2 = b.plus(c).times(-20_995);
    let z3 = a.plus(c).times(-16_069).plus(z5);
    let z4 = b.plus(d).times(-3196).plus(z5);
    let odd = [
        d.times(12_299).plus(z1).plus(z4),
        c.times(25_172).plus(z2).plus(z3),
        b.times(16_819).plus(z2).plus(z4),
        a.times(2446).plus(z1).plus(z3),
    ];
    let mut output = [Lanes([0; 8]); 8];
    for index in 0..4 {
        output[index] = even[index].plus(odd[index]).scaled(bits);
        output[7 - index] = even[index].minus(odd[index]).scaled(bits);
    }
    output
}

/// The first pass over the four lowest coefficients of each lane.
#[inline(always)]
fn down_columns_4(input: [Lanes; 8]) -> [Lanes; 8] {
    let bits = CONSTANT_BITS - PASS_BITS;
    let even = [
        input[0].plus(input[2]).times(1 << CONSTANT_BITS),
        input[0].minus(input[2]).times(1 << CONSTANT_BITS),
    ];
    let z1 = input[1].plus(input[3]).times(4433);
    let odd = [z1.plus(input[1].times(6270)), z1.minus(input[3].times(15_137))];
    let mut output = [Lanes([0; 8]); 8];
    output[0] = even[0].plus(odd[0]).scaled(bits);
    output[1] = even[1].plus(odd[1]).scaled(bits);
    output[2] = even[1].minus(odd[1]).scaled(bits);
    output[3] = even[0].minus(odd[0]).scaled(bits);
    output
}

/// The contribution of each coefficient of a row to its levels, with 13 fractional bits: the first pass applied to single
/// coefficients. For rows a product with this matrix is faster than transposing.
static ALONG_ROWS_8: [[i32; 8]; 8] = [
    [8192, 8192, 8192, 8192, 8192, 8192, 8192, 8192],
    [11_363, 9633, 6437, 2260, -2260, -6437, -9633, -11_363],
    [10_703, 4433, -4433, -10_703, -10_703, -4433, 4433, 10_703],
    [9633, -2259, -11_362, -6436, 6436, 11_362, 2259, -9633],
    [8192, -8192, -8192, 8192, 8192, -8192, -8192, 8192],
    [6437, -11_362, 2261, 9633, -9633, -2261, 11_362, -6437],
    [4433, -10_704, 10_704, -4433, -4433, 10_704, -10_704, 4433],
    [2260, -6436, 9633, -11_363, 11_363, -9633, 6436, -2260],
];

/// The same for the four lowest coefficients.
static ALONG_ROWS_4: [[i32; 8]; 4] = [
    [8192, 8192, 8192, 8192, 0, 0, 0, 0],
    [10_703, 4433, -4433, -10_703, 0, 0, 0, 0],
    [8192, -8192, -8192, 8192, 0, 0, 0, 0],
    [4433, -10_704, 10_704, -4433, 0, 0, 0, 0],
];

/// The second pass.
#[inline(always)]
fn along_rows<const COUNT: usize>(mut rows: [Lanes; 8], matrix: &[[i32; 8]; COUNT]) -> [Lanes; 8] {
    let bits = CONSTANT_BITS + PASS_BITS + 3;
    for row in &mut rows[..COUNT] {
        let mut sums = Lanes([0; 8]);
        for (coefficient, factors) in row.0.iter().zip(matrix) {
            for (sum, factor) in sums.0.iter_mut().zip(factors) {
                *sum = sum.wrapping_add(coefficient.wrapping_mul(*factor));
            }
        }
        *row = sums.scaled(bits);
    }
    rows
}

#[inline(always)]
fn level(number: i32) -> u8 {
    number.saturating_add(128).clamp(0, 255) as u8
}

/// The levels of a block; those beyond `size` are unspecified.
#[inline(always)]
fn block_levels(block: &Block, quantization: &[u16; 64], size: usize) -> [[u8; 8]; 8] {
    let mut rows = [Lanes([0; 8]); 8];
    let places = block.as_chunks::<8>().0.iter().zip(quantization.as_chunks::<8>().0);
    for (row, (coefficients, steps)) in rows.iter_mut().zip(places) {
        for ((number, &coefficient), &step) in row.0.iter_mut().zip(coefficients).zip(steps) {
            *number = i32::from(coefficient).wrapping_mul(i32::from(step));
        }
    }
    let numbers = match size {
        8 => along_rows(down_columns_8(rows), &ALONG_ROWS_8),
        4 => along_rows(down_columns_4(rows), &ALONG_ROWS_4),
        _ => corner(rows),
    };
    let mut levels = [[0; 8]; 8];
    for (row, numbers) in levels.iter_mut().zip(&numbers) {
        for (target, &number) in row.iter_mut().zip(&numbers.0) {
            *target = level(number);
        }
    }
    levels
}

/// Two by two levels from the four lowest coefficients.
#[inline(always)]
fn corner(mut rows: [Lanes; 8]) -> [Lanes; 8] {
    let ([a, b, ..], [c, d, ..]) = (rows[0].0, rows[1].0);
    let (upper, lower) = (a.wrapping_add(c), a.wrapping_sub(c));
    let (right, across) = (b.wrapping_add(d), b.wrapping_sub(d));
    rows[0].0[0] = upper.wrapping_add(right);
    rows[0].0[1] = upper.wrapping_sub(right);
    rows[1].0[0] = lower.wrapping_add(across);
    rows[1].0[1] = lower.wrapping_sub(across);
    rows[0] = rows[0].scaled(3);
    rows[1] = rows[1].scaled(3);
    rows
}

/// Writes a row of blocks as `SIZE` rows of levels.
#[inline(always)]
fn row_of_blocks<const SIZE: usize>(blocks: &[Block], quantization: &[u16; 64], levels: &mut [u8]) {
    let stride = blocks.len() * SIZE;
    for (index, block) in blocks.iter().enumerate() {
        let mut any = 0;
        for coefficient in &block[1..] {
            any |= coefficient;
        }
        let levels_of_block = if any == 0 || SIZE == 1 {
            let mean = i32::from(block[0]) * i32::from(quantization[0]);
            [[level(mean.saturating_add(4) >> 3); 8]; 8]
        } else {
            block_levels(block, quantization, SIZE)
        };
        for (row, block_row) in levels.chunks_exact_mut(stride).zip(&levels_of_block) {
            row[index * SIZE..][..SIZE].copy_from_slice(&block_row[..SIZE]);
        }
    }
}

/// Rows of blocks to transform.
pub(super) struct Rows<'a> {
    pub(super) blocks: &'a [Block],
    /// Number of blocks in a row.
    pub(super) stride: usize,
    pub(super) quantization: &'a [u16; 64],
    /// Levels a side of a block: 8, 4, 2 or 1.
    pub(super) size: usize,
    pub(super) levels: &'a mut [u8],
}

impl pulp::WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Self { quantization, size, .. } = self;
        let rows = self.levels.chunks_exact_mut(self.stride * size * size);
        for (blocks, levels) in self.blocks.chunks_exact(self.stride).zip(rows) {
            match size {
                8 => row_of_blocks::<8>(blocks, quantization, levels),
                4 => row_of_blocks::<4>(blocks, quantization, levels),
                2 => row_of_blocks::<2>(blocks, quantization, levels),
                _ => row_of_blocks::<1>(blocks, quantization, levels),
            }
        }
    }
}
