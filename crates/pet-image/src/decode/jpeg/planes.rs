//! Planes of levels to pixels: enlarging what is stored at a lower resolution, and colour conversion, both as libjpeg
//! and Pillow do them.

use image::RgbImage;

use super::header::Colors;

/// The levels of one component.
pub(super) struct Plane {
    pub(super) levels: Vec<u8>,
    /// Length of a row in memory.
    pub(super) stride: usize,
    /// Levels of a row that belong to the picture, and number of such rows.
    pub(super) size: [usize; 2],
    /// How many pixels share a level, along a row and down a column.
    pub(super) shared: [usize; 2],
}

impl Plane {
    fn row(&self, row: usize) -> &[u8] {
        let row = row.min(self.size[1] - 1);
        &self.levels[row * self.stride..][..self.size[0]]
    }

    /// One row of the picture, enlarged; `smooth` unless blocks are reduced to single levels.
    #[inline(always)]
    fn enlarged<'a>(&'a self, y: usize, smooth: bool, scratch: &'a mut Vec<u8>) -> &'a [u8] {
        let [across, down] = self.shared;
        let near = self.row(y / down);
        // The row beside, on the side to which this row of pixels lies.
        let beside = if y.is_multiple_of(2) {
            (y / 2).saturating_sub(1)
        } else {
            y / 2 + 1
        };
        let wide = self.size[0] > 2;
        match (across, down) {
            (1, 1) => return near,
            (1, 2) if smooth => {
                let bias = 1 + (y % 2) as u16;
                scratch.clear();
                scratch.extend(near.iter().zip(self.row(beside)).map(|(&near, &far)| {
                    ((3 * u16::from(near) + u16::from(far) + bias) >> 2) as u8
                }));
            }
            (2, 1) if smooth && wide => {
                widen(scratch, near.len(), 2, [1, 2], |x| u16::from(near[x]));
            }
            (2, 2) if smooth && wide => {
                let far = &self.row(beside)[..near.len()];
                let sum = |x: usize| 3 * u16::from(near[x]) + u16::from(far[x]);
                widen(scratch, near.len(), 4, [8, 7], sum);
            }
            _ => {
                scratch.clear();
                scratch.extend(
                    near.iter()
                        .flat_map(|&level| std::iter::repeat_n(level, across)),
                );
            }
        }
        scratch
    }
}

/// Doubles a row, each pixel three parts of its own level and one of the neighbour's.
#[inline(always)]
fn widen(
    row: &mut Vec<u8>,
    length: usize,
    bits: u32,
    bias: [u16; 2],
    level: impl Fn(usize) -> u16,
) {
    row.resize(2 * length, 0);
    let pairs = row.as_chunks_mut::<2>().0;
    let (left, right) = (level(0), level(length - 1));
    for (x, pair) in pairs.iter_mut().enumerate().take(length - 1).skip(1) {
        let own = 3 * level(x);
        *pair = [
            ((own + level(x - 1) + bias[0]) >> bits) as u8,
            ((own + level(x + 1) + bias[1]) >> bits) as u8,
        ];
    }
    // At the ends a pixel has one neighbour only.
    let first = ((3 * left + level(1) + bias[1]) >> bits) as u8;
    let last = ((3 * right + level(length - 2) + bias[0]) >> bits) as u8;
    let edge = |level: u16, bias: u16| {
        if bits == 4 {
            ((4 * level + bias) >> 4) as u8
        } else {
            level as u8
        }
    };
    pairs[0] = [edge(left, 8), first];
    pairs[length - 1] = [last, edge(right, 7)];
}

/// Puts planes together.
pub(super) fn picture(
    planes: &[Plane],
    colors: Colors,
    smooth: bool,
    width: u32,
    height: u32,
) -> RgbImage {
    let mut image = RgbImage::new(width, height);
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            let mut scratch: Vec<Vec<u8>> = planes.iter().map(|_| Vec::new()).collect();
            let rows = image.chunks_exact_mut(3 * width as usize);
            for (y, row) in rows.enumerate() {
                let parts = planes.iter().zip(&mut scratch);
                let parts: Vec<&[u8]> = parts
                    .map(|(plane, scratch)| plane.enlarged(y, smooth, scratch))
                    .collect();
                convert(&parts, colors, row.as_chunks_mut().0);
            }
        },
    );
    image
}

#[inline(always)]
fn convert(parts: &[&[u8]], colors: Colors, pixels: &mut [[u8; 3]]) {
    let length = pixels.len();
    let ink = |level: u8, black: u8| {
        // Pillow's rounding of a product of levels.
        let product = u32::from(level) * u32::from(black) + 128;
        (((product >> 8) + product) >> 8) as u8
    };
    match *parts {
        [grey] => {
            for (pixel, &level) in pixels.iter_mut().zip(grey) {
                *pixel = [level; 3];
            }
        }
        [first, second, third] => {
            let levels = first[..length]
                .iter()
                .zip(&second[..length])
                .zip(&third[..length]);
            for (pixel, ((&a, &b), &c)) in pixels.iter_mut().zip(levels) {
                *pixel = if colors == Colors::Rgb {
                    [a, b, c]
                } else {
                    rgb(a, b, c)
                };
            }
        }
        [first, second, third, black] => {
            let levels = first.iter().zip(second).zip(third).zip(black);
            for (pixel, (((&a, &b), &c), &black)) in pixels.iter_mut().zip(levels) {
                // Adobe's programs store the light that ink leaves, and nobody else writes such files.
                let light = match colors {
                    Colors::Ycck => rgb(a, b, c).map(|level| 255 - level),
                    _ => [a, b, c],
                };
                *pixel = light.map(|light| black.saturating_sub(ink(255 - light, black)));
            }
        }
        _ => {}
    }
}

/// ITU-R BT.601 in the fixed-point numbers of libjpeg.
#[inline(always)]
fn rgb(luma: u8, blue: u8, red: u8) -> [u8; 3] {
    let (luma, blue, red) = (i32::from(luma), i32::from(blue) - 128, i32::from(red) - 128);
    [
        luma + ((91_881 * red + 32_768) >> 16),
        luma + ((-22_554 * blue - 46_802 * red + 32_768) >> 16),
        luma + ((116_130 * blue + 32_768) >> 16),
    ]
    .map(|level| level.clamp(0, 255) as u8)
}
