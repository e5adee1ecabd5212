//! Planes to pixels: upsampling and colour conversion, as in libjpeg and Pillow.

use super::super::finish::under_black;
use super::header::Colors;

/// The levels of one component.
pub(super) struct Plane {
    pub(super) levels: Vec<u8>,
    /// Length of a row in memory.
    pub(super) stride: usize,
    /// Width and height without padding.
    pub(super) size: [usize; 2],
    /// Horizontal and vertical subsampling: pixels per level.
    pub(super) shared: [usize; 2],
}

impl Plane {
    fn row(&self, row: usize) -> &[u8] {
        let row = row.min(self.size[1] - 1);
        &self.levels[row * self.stride..][..self.size[0]]
    }

    /// One row of the image, upsampled; `smooth` unless blocks are reduced to single levels.
    #[inline(always)]
    fn enlarged<'a>(&'a self, y: usize, smooth: bool, scratch: &'a mut Scratch) -> &'a [u8] {
        let [across, down] = self.shared;
        let near = self.row(y / down);
        // The neighbouring row that is closer to this row of pixels.
        let above = y.is_multiple_of(2);
        let beside = if above { (y / 2).saturating_sub(1) } else { y / 2 + 1 };
        let is_wide = near.len() > 2;
        let Scratch { sums, row } = scratch;
        row.resize(across * near.len(), 0);
        sums.resize(near.len(), 0);
        match (across, down) {
            (1, 1) => return near,
            (1, 2) if smooth => {
                let bias = if above { 1 } else { 2 };
                for ((level, &near), &far) in row.iter_mut().zip(near).zip(self.row(beside)) {
                    *level = ((3 * u16::from(near) + u16::from(far) + bias) >> 2) as u8;
                }
            }
            (2, 1) if smooth && is_wide => {
                for (sum, &near) in sums.iter_mut().zip(near) {
                    *sum = u16::from(near);
                }
                widen::<2>(sums, [1, 2], [0, 0], row);
            }
            (2, 2) if smooth && is_wide => {
                for ((sum, &near), &far) in sums.iter_mut().zip(near).zip(self.row(beside)) {
                    *sum = 3 * u16::from(near) + u16::from(far);
                }
                widen::<4>(sums, [8, 7], [8, 7], row);
            }
            _ => {
                for (levels, &level) in row.chunks_exact_mut(across).zip(near) {
                    levels.fill(level);
                }
            }
        }
        row
    }
}

/// Buffers for a row of a component.
#[derive(Default)]
struct Scratch {
    sums: Vec<u16>,
    row: Vec<u8>,
}

/// Upsamples a row by two: each pixel is 3/4 its own level and 1/4 its neighbour's, except at the ends. Rounding is
/// libjpeg's.
#[inline(always)]
fn widen<const BITS: u32>(levels: &[u16], bias: [u16; 2], end_bias: [u16; 2], row: &mut [u8]) {
    let pairs = row.as_chunks_mut::<2>().0;
    let last = levels.len() - 1;
    let (before, own, after) = (&levels[..last - 1], &levels[1..last], &levels[2..]);
    let neighbours = before.iter().zip(own).zip(after);
    for (pair, ((&before, &own), &after)) in pairs[1..last].iter_mut().zip(neighbours) {
        pair[0] = ((3 * own + before + bias[0]) >> BITS) as u8;
        pair[1] = ((3 * own + after + bias[1]) >> BITS) as u8;
    }
    let end = |level: u16, bias: u16| ((4 * level + bias) >> BITS) as u8;
    let (left, right) = (levels[0], levels[last]);
    let inner = ((3 * left + levels[1] + bias[1]) >> BITS) as u8;
    pairs[0] = [end(left, end_bias[0]), inner];
    let inner = ((3 * right + levels[last - 1] + bias[0]) >> BITS) as u8;
    pairs[last] = [inner, end(right, end_bias[1])];
}

/// Planes to combine into an image.
pub(super) struct Picture<'a> {
    pub(super) planes: &'a [Plane],
    pub(super) colors: Colors,
    /// Whether subsampled planes are interpolated.
    pub(super) is_smooth: bool,
    pub(super) width: usize,
    pub(super) pixels: &'a mut [u8],
}

impl pulp::WithSimd for Picture<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let mut scratch: [Scratch; 4] = Default::default();
        for (y, row) in self.pixels.chunks_exact_mut(3 * self.width).enumerate() {
            let mut parts: [&[u8]; 4] = [&[]; 4];
            for ((part, plane), scratch) in parts.iter_mut().zip(self.planes).zip(&mut scratch) {
                *part = plane.enlarged(y, self.is_smooth, scratch);
            }
            convert(&parts[..self.planes.len()], self.colors, row);
        }
    }
}

#[inline(always)]
fn convert(parts: &[&[u8]], colors: Colors, row: &mut [u8]) {
    let pixels = row.as_chunks_mut().0;
    match *parts {
        [grey] => {
            for (pixel, &level) in pixels.iter_mut().zip(grey) {
                *pixel = [level; 3];
            }
        }
        [first, second, third] if colors == Colors::Rgb => {
            let levels = first.iter().zip(second).zip(third);
            for (pixel, ((&red, &green), &blue)) in pixels.iter_mut().zip(levels) {
                *pixel = [red, green, blue];
            }
        }
        [luma, blue, red] => luma_to_rgb(luma, blue, red, row),
        [first, second, third, black] => {
            let levels = first.iter().zip(second).zip(third).zip(black);
            for (pixel, (((&a, &b), &c), &black)) in pixels.iter_mut().zip(levels) {
                // Inverted, as Adobe's programs write it.
                let light = match colors {
                    Colors::Ycck => rgb(a, b, c).map(|level| 255 - level),
                    _ => [a, b, c],
                };
                *pixel = light.map(|light| under_black(light, black));
            }
        }
        _ => {}
    }
}

/// Pixels that are converted at once.
const GROUP: usize = 16;

#[inline(always)]
fn luma_to_rgb(luma: &[u8], blue: &[u8], red: &[u8], row: &mut [u8]) {
    let groups = luma.as_chunks::<GROUP>().0.iter();
    let groups = groups.zip(blue.as_chunks::<GROUP>().0).zip(red.as_chunks::<GROUP>().0);
    let mut done = 0;
    for ((luma, blue), red) in groups {
        // One byte more than the pixels need, which the next group overwrites.
        let Some(target) = row[3 * done..].first_chunk_mut::<{ 3 * GROUP + 1 }>() else {
            break;
        };
        let mut packed = [0; GROUP];
        let levels = luma.iter().zip(blue).zip(red);
        for (pixel, ((&luma, &blue), &red)) in packed.iter_mut().zip(levels) {
            let [red, green, blue] = rgb(luma, blue, red);
            *pixel = u32::from(red) | u32::from(green) << 8 | u32::from(blue) << 16;
        }
        for (index, pixel) in packed.iter().enumerate() {
            target[3 * index..3 * index + 4].copy_from_slice(&pixel.to_le_bytes());
        }
        done += GROUP;
    }
    let pixels = row.as_chunks_mut().0[done..].iter_mut();
    let levels = luma[done..].iter().zip(&blue[done..]).zip(&red[done..]);
    for (pixel, ((&luma, &blue), &red)) in pixels.zip(levels) {
        *pixel = rgb(luma, blue, red);
    }
}

/// ITU-R BT.601 in libjpeg's fixed-point arithmetic.
#[inline(always)]
fn rgb(luma: u8, blue: u8, red: u8) -> [u8; 3] {
    let (luma, blue, red) = (i32::from(luma), i32::from(blue) - 128, i32::from(red) - 128);
    [
        (luma + ((91_881 * red + 32_768) >> 16)).clamp(0, 255) as u8,
        (luma + ((-22_554 * blue - 46_802 * red + 32_768) >> 16)).clamp(0, 255) as u8,
        (luma + ((116_130 * blue + 32_768) >> 16)).clamp(0, 255) as u8,
    ]
}
