//! Coefficients to levels: the inverse cosine transform.
//!
//! The arithmetic is that of libjpeg's accurate integer transform (Loeffler, Ligtenberg and Moschytz, 1989), so that
//! levels equal those of Pillow. Sixteen or four coefficients give a block at half or a quarter of its size.

use super::scan::Block;

/// Bits behind the binary point of the constants, and of what stands between the two passes.
const CONSTANT_BITS: u32 = 13;
const PASS_BITS: u32 = 2;

/// Eight numbers, one of each column; compilers make one instruction of a loop over them.
#[derive(Clone, Copy)]
struct Lanes([i32; 8]);

impl Lanes {
    #[inline(always)]
    fn with(self, other: Self, operation: impl Fn(i32, i32) -> i32) -> Self {
        Self(std::array::from_fn(|lane| {
            operation(self.0[lane], other.0[lane])
        }))
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.with(other, i32::wrapping_add)
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        self.with(other, i32::wrapping_sub)
    }

    #[inline(always)]
    fn times(self, factor: i32) -> Self {
        Self(self.0.map(|number| number.wrapping_mul(factor)))
    }

    /// Divides by a power of two, rounding to nearest.
    #[inline(always)]
    fn scaled(self, bits: u32) -> Self {
        Self(
            self.0
                .map(|number| number.wrapping_add(1 << (bits - 1)) >> bits),
        )
    }
}

/// One pass over eight coefficients of each lane.
#[inline(always)]
fn pass8(input: [Lanes; 8], bits: u32) -> [Lanes; 8] {
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
    std::array::from_fn(|index| {
        if index < 4 {
            even[index].plus(odd[index]).scaled(bits)
        } else {
            even[7 - index].minus(odd[7 - index]).scaled(bits)
        }
    })
}

/// One pass over the four lowest coefficients of each lane.
#[inline(always)]
fn pass4(input: [Lanes; 8], bits: u32) -> [Lanes; 8] {
    let even = [input[0].plus(input[2]), input[0].minus(input[2])];
    let even = even.map(|lanes| lanes.times(1 << CONSTANT_BITS));
    let z1 = input[1].plus(input[3]).times(4433);
    let odd = [
        z1.plus(input[1].times(6270)),
        z1.minus(input[3].times(15_137)),
    ];
    let mut output = [Lanes([0; 8]); 8];
    output[0] = even[0].plus(odd[0]).scaled(bits);
    output[1] = even[1].plus(odd[1]).scaled(bits);
    output[2] = even[1].minus(odd[1]).scaled(bits);
    output[3] = even[0].minus(odd[0]).scaled(bits);
    output
}

#[inline(always)]
fn transposed(rows: [Lanes; 8]) -> [Lanes; 8] {
    std::array::from_fn(|row| Lanes(std::array::from_fn(|column| rows[column].0[row])))
}

/// Both passes, the first over the columns.
#[inline(always)]
fn two_passes(rows: [Lanes; 8], pass: impl Fn([Lanes; 8], u32) -> [Lanes; 8]) -> [Lanes; 8] {
    let between = transposed(pass(rows, CONSTANT_BITS - PASS_BITS));
    transposed(pass(between, CONSTANT_BITS + PASS_BITS + 3))
}

#[inline(always)]
fn level(number: i32) -> u8 {
    number.saturating_add(128).clamp(0, 255) as u8
}

/// Writes a row of blocks as `size` rows of levels.
#[inline(always)]
fn row_of_blocks(blocks: &[Block], quantization: &[u16; 64], size: usize, levels: &mut [u8]) {
    let stride = blocks.len() * size;
    for (index, block) in blocks.iter().enumerate() {
        let dequantized = |place: usize| i32::from(block[place]) * i32::from(quantization[place]);
        let flat = block[1..]
            .iter()
            .fold(0, |all, coefficient| all | coefficient)
            == 0;
        if flat || size == 1 {
            let level = level(dequantized(0).saturating_add(4) >> 3);
            for row in levels.chunks_exact_mut(stride) {
                row[index * size..][..size].fill(level);
            }
            continue;
        }
        let rows = || -> [Lanes; 8] {
            std::array::from_fn(|row| {
                Lanes(std::array::from_fn(|lane| dequantized(8 * row + lane)))
            })
        };
        let output = match size {
            8 => two_passes(rows(), pass8),
            4 => two_passes(rows(), pass4),
            _ => {
                let [a, b, c, d] = [0, 1, 8, 9].map(dequantized);
                let mut output = [Lanes([0; 8]); 8];
                let corner = |number: i32| number.wrapping_add(4) >> 3;
                let (upper, lower) = (a.wrapping_add(c), a.wrapping_sub(c));
                let (right, across) = (b.wrapping_add(d), b.wrapping_sub(d));
                output[0].0[0] = corner(upper.wrapping_add(right));
                output[0].0[1] = corner(upper.wrapping_sub(right));
                output[1].0[0] = corner(lower.wrapping_add(across));
                output[1].0[1] = corner(lower.wrapping_sub(across));
                output
            }
        };
        for (row, numbers) in levels.chunks_exact_mut(stride).zip(&output) {
            let numbers = numbers.0.map(level);
            row[index * size..][..size].copy_from_slice(&numbers[..size]);
        }
    }
}

/// Writes rows of blocks as levels, `size` (8, 4, 2 or 1) for each side of a block.
pub(super) fn write(
    blocks: &[Block],
    stride: usize,
    quantization: &[u16; 64],
    size: usize,
    levels: &mut [u8],
) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            let rows = levels.chunks_exact_mut(stride * size * size);
            for (blocks, levels) in blocks.chunks_exact(stride).zip(rows) {
                row_of_blocks(blocks, quantization, size, levels);
            }
        },
    );
}
