//! Geometric changes: warping and erasing.

use rand::Rng;
use serde::{Deserialize, Serialize};

/// Smallest and largest erased area, as a share of the square's (Zhong et al. 2020).
const AREA: (f32, f32) = (0.02, 0.33);
/// Largest aspect ratio of the erased rectangle, and the inverse of the smallest.
const RATIO: f32 = 3.3;
/// Attempts to draw a rectangle that fits, before nothing is erased.
const TRIES: usize = 10;

/// An affine map from each position of the square to the position of its colour: x and y times the first two numbers of
/// each row, plus the third. The centre is 0, the edges are at ±0.5; the outside has the mean colour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Warp(pub [[f32; 3]; 2]);

impl Warp {
    /// The identity.
    pub const NONE: Self = Self([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);

    /// A rotation around the centre.
    pub(super) fn rotation(degrees: f32) -> Self {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        Self([[cosine, -sine, 0.0], [sine, cosine, 0.0]])
    }

    /// The composition: first `inner`, then this map.
    pub(super) fn after(&self, inner: &Self) -> Self {
        let [across, down] = inner.0;
        Self(self.0.map(|[by_x, by_y, shift]| {
            let mut row = std::array::from_fn(|at| by_x * across[at] + by_y * down[at]);
            row[2] += shift;
            row
        }))
    }

    /// Warps the planes of a tensor.
    pub(super) fn run(&self, size: usize, tensor: &mut [f32]) {
        let side = size as f32;
        for plane in tensor.chunks_exact_mut(size * size) {
            let before = plane.to_vec();
            for (y, row) in plane.chunks_exact_mut(size).enumerate() {
                for (x, value) in row.iter_mut().enumerate() {
                    let [x, y] = [x, y].map(|at| (at as f32 + 0.5) / side - 0.5);
                    let [x, y] = self.0.map(|[by_x, by_y, shift]| by_x * x + by_y * y + shift);
                    let [x, y] = [x, y].map(|share| (share + 0.5) * side - 0.5);
                    *value = bilinear(&before, size, x, y);
                }
            }
        }
    }
}

/// Interpolates between the four pixels around a position.
fn bilinear(plane: &[f32], size: usize, x: f32, y: f32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (right_share, lower_share) = (x - left, y - top);
    let pixel = |column: f32, row: f32| {
        let inside = 0.0..size as f32;
        if inside.contains(&column) && inside.contains(&row) {
            plane[row as usize * size + column as usize]
        } else {
            0.0
        }
    };
    let across =
        |row| (1.0 - right_share) * pixel(left, row) + right_share * pixel(left + 1.0, row);
    (1.0 - lower_share) * across(top) + lower_share * across(top + 1.0)
}

/// A rectangle that is filled with the mean colour, in shares of the square's side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erased {
    /// Left edge.
    pub left: f32,
    /// Upper edge.
    pub top: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

impl Erased {
    /// Random erasing (Zhong et al. 2020) with this probability.
    pub(super) fn draw(probability: f32, random: &mut impl Rng) -> Option<Self> {
        // Draws nothing when it is off, so that later random numbers stay the same.
        if probability <= 0.0 || random.random::<f32>() >= probability {
            return None;
        }
        for _ in 0..TRIES {
            let area = random.random_range(AREA.0..AREA.1);
            let ratio = random.random_range(-RATIO.ln()..RATIO.ln()).exp();
            let (width, height) = ((area * ratio).sqrt(), (area / ratio).sqrt());
            if width < 1.0 && height < 1.0 {
                return Some(Self {
                    left: random.random_range(0.0..1.0 - width),
                    top: random.random_range(0.0..1.0 - height),
                    width,
                    height,
                });
            }
        }
        None
    }

    /// Erases the rectangle in the planes of a tensor.
    pub(super) fn run(&self, size: usize, tensor: &mut [f32]) {
        let range = |start: f32, length: f32| {
            let pixel = |share: f32| ((share * size as f32).round() as usize).min(size);
            pixel(start)..pixel(start + length)
        };
        let (columns, rows) = (range(self.left, self.width), range(self.top, self.height));
        for plane in tensor.chunks_exact_mut(size * size) {
            for row in plane.chunks_exact_mut(size).skip(rows.start).take(rows.len()) {
                row[columns.clone()].fill(0.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// Two planes of three pixels by three.
    fn planes() -> Vec<f32> {
        (1..=18).map(|value| value as f32).collect()
    }

    fn warped(warp: Warp) -> Vec<f32> {
        let mut tensor = planes();
        warp.run(3, &mut tensor);
        tensor.iter().map(|value| value.round()).collect()
    }

    #[test]
    fn places_get_their_colour_from_where_the_warp_says() {
        assert_eq!(warped(Warp::NONE), planes());
        let turned = warped(Warp::rotation(90.0));
        assert_eq!(turned[..9], [3.0, 6.0, 9.0, 2.0, 5.0, 8.0, 1.0, 4.0, 7.0]);
        let shift = Warp([[1.0, 0.0, 1.0 / 3.0], [0.0, 1.0, 0.0]]);
        let shifted = warped(shift);
        assert_eq!(shifted[..9], [2.0, 3.0, 0.0, 5.0, 6.0, 0.0, 8.0, 9.0, 0.0]);
        assert_eq!(shifted[9..12], [11.0, 12.0, 0.0]);
        let both = Warp::rotation(90.0).after(&shift);
        assert_eq!(warped(both)[..3], [6.0, 9.0, 0.0]);
    }

    #[test]
    fn a_share_of_the_square_is_hidden_at_any_size() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let drawn: Vec<_> = (0..1000).map(|_| Erased::draw(0.25, &mut random)).collect();
        let some: Vec<Erased> = drawn.into_iter().flatten().collect();
        assert!((200..300).contains(&some.len()), "{}", some.len());
        for erased in some {
            let hidden = |size: usize| {
                let mut tensor = vec![1.0; 3 * size * size];
                erased.run(size, &mut tensor);
                tensor.iter().filter(|value| **value == 0.0).count() as f32 / tensor.len() as f32
            };
            let area = erased.width * erased.height;
            assert!((AREA.0..AREA.1).contains(&area));
            assert!((hidden(64) - area).abs() < 0.03, "{erased:?}");
            assert!((hidden(96) - area).abs() < 0.02, "{erased:?}");
        }
        assert_eq!(Erased::draw(0.0, &mut random), None);
    }
}
