//! Small grayscale images, any area of which can be resampled fast.

use std::fmt;

use pet_image::{Filter, RgbImage, grayscale, resize};

use super::area::Area;

/// Width and height of a thumbnail, for any aspect ratio.
const SIDE: usize = 64;

/// A grayscale image of 64 × 64 pixels.
#[derive(Clone)]
pub(super) struct Thumbnail(Box<[u8]>);

impl fmt::Debug for Thumbnail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Thumbnail")
    }
}

impl Thumbnail {
    pub(super) fn of(image: &RgbImage) -> Result<Self, pet_image::Error> {
        let small = resize(image, SIDE as u32, SIDE as u32, Filter::Bilinear)?;
        Ok(Self(grayscale(&small).into_raw().into()))
    }

    pub(super) fn mirrored(&self) -> Self {
        let mut levels = self.0.clone();
        levels.chunks_exact_mut(SIDE).for_each(<[u8]>::reverse);
        Self(levels)
    }

    pub(super) fn sums(&self) -> Sums {
        let width = SIDE + 1;
        let mut sums = vec![0; width * width];
        for (y, row) in self.0.chunks_exact(SIDE).enumerate() {
            let mut along = 0;
            for (x, level) in row.iter().enumerate() {
                along += u32::from(*level);
                sums[(y + 1) * width + x + 1] = sums[y * width + x + 1] + along;
            }
        }
        Sums(sums)
    }
}

/// A summed-area table (Crow 1984): the mean of any rectangle takes four reads.
pub(super) struct Sums(Vec<u32>);

impl Sums {
    /// An area, resampled to `side` × `side` means.
    pub(super) fn part(&self, area: Area, side: usize) -> Vec<f32> {
        let edges = |from: f32, to: f32| -> Vec<Edge> {
            let share = |index: usize| from + (to - from) * index as f32 / side as f32;
            (0..=side).map(|index| Edge::at(share(index))).collect()
        };
        let columns = edges(area.left, area.right);
        let rows = edges(area.top, area.bottom);
        let cell = (area.right - area.left) * (area.bottom - area.top);
        let pixels = cell * (SIDE * SIDE) as f32 / (side * side) as f32;
        let sums: Vec<f32> = rows
            .iter()
            .flat_map(|row| columns.iter().map(|column| self.until(*column, *row)))
            .collect();
        let (above, below) = (sums.as_slice(), sums.get(side + 1..).unwrap_or_default());
        let mut means = Vec::with_capacity(side * side);
        let lines = above.chunks_exact(side + 1).zip(below.chunks_exact(side + 1));
        for (above, below) in lines {
            for (above, below) in above.windows(2).zip(below.windows(2)) {
                means.push((below[1] - below[0] - above[1] + above[0]) / pixels);
            }
        }
        means
    }

    /// The sum above and to the left of a point, which may be within a pixel.
    fn until(&self, x: Edge, y: Edge) -> f32 {
        let row = |y: usize| {
            let at = y * (SIDE + 1) + x.pixel;
            let (left, right) = (self.0[at] as f32, self.0[at + 1] as f32);
            left + x.share * (right - left)
        };
        let (above, below) = (row(y.pixel), row(y.pixel + 1));
        above + y.share * (below - above)
    }
}

/// A position along one side: a pixel, and a fraction of it.
#[derive(Clone, Copy)]
struct Edge {
    pixel: usize,
    share: f32,
}

impl Edge {
    fn at(share: f32) -> Self {
        let place = share.clamp(0.0, 1.0) * SIDE as f32;
        let pixel = (place as usize).min(SIDE - 1);
        let share = place - pixel as f32;
        Self { pixel, share }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slope() -> Thumbnail {
        let levels = (0..SIDE * SIDE).map(|index| (2 * (index % SIDE)) as u8);
        Thumbnail(levels.collect())
    }

    #[test]
    fn a_part_has_the_means_of_its_cells() {
        let right = Area { left: 0.5, ..Area::WHOLE };
        let means = slope().sums().part(right, 2);
        // Columns 32 to 47 and 48 to 63, each with twice its number as its level.
        for (got, expected) in means.iter().zip([79.0, 111.0, 79.0, 111.0]) {
            assert!((got - expected).abs() < 0.01, "{means:?}");
        }
    }

    #[test]
    fn within_a_pixel_the_level_is_even() {
        let thin = Area { left: 10.25 / 64.0, right: 10.75 / 64.0, ..Area::WHOLE };
        let means = slope().sums().part(thin, 1);
        assert!((means[0] - 20.0).abs() < 0.1, "{means:?}");
    }

    #[test]
    fn mirrored_twice_is_the_same() {
        let mirrored = slope().mirrored();
        assert_eq!(mirrored.0[0], 126);
        assert_eq!(mirrored.mirrored().0, slope().0);
    }
}
