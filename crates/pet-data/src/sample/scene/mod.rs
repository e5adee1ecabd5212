//! Backgrounds. Every scene has its ground below [`HORIZON`].

mod indoors;
mod nature;
mod outdoors;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::draw::{Canvas, Colour, Point, SIDE, Shape};

/// About where the ground begins, in the units of the canvas.
const HORIZON: f32 = 158.0;

/// Where an animal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scene {
    Meadow,
    Park,
    Beach,
    Snow,
    Night,
    Room,
}

impl Scene {
    pub(super) const ALL: [Self; 6] = [
        Self::Meadow,
        Self::Park,
        Self::Beach,
        Self::Snow,
        Self::Night,
        Self::Room,
    ];

    pub(super) fn any(random: &mut impl Rng) -> Self {
        use rand::seq::IndexedRandom;
        Self::ALL.choose(random).copied().unwrap_or(Self::Meadow)
    }

    /// Fills the whole canvas.
    pub(super) fn draw(self, canvas: &mut Canvas, random: &mut ChaCha8Rng) {
        match self {
            Self::Meadow => outdoors::meadow(canvas, random),
            Self::Park => outdoors::park(canvas, random),
            Self::Beach => outdoors::beach(canvas, random),
            Self::Snow => outdoors::snow(canvas, random),
            Self::Night => outdoors::night(canvas, random),
            Self::Room => indoors::room(canvas, random),
        }
    }
}

/// Fills from one height to another, with a change of colour.
fn band(canvas: &mut Canvas, (top, above): (f32, Colour), (bottom, below): (f32, Colour)) {
    let shape = Shape::rectangle((0.0, top), (SIDE, bottom));
    canvas.fill_blend(&shape, ((0.0, top), above), ((0.0, bottom), below));
}

fn anywhere(random: &mut impl Rng, top: f32, bottom: f32) -> Point {
    (
        random.random_range(0.0..SIDE),
        random.random_range(top..bottom),
    )
}
