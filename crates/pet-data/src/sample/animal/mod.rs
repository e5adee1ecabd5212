//! Cats and dogs: one [`Look`] per animal, drawn in one of several [`Pose`]s.
//!
//! An animal stands on `y = 0`, is about 190 units high and looks to the left.

mod body;
mod cat_head;
mod coat;
mod dog_head;
mod face;
mod look;
mod pose;
mod tail;

use rand_chacha::ChaCha8Rng;

pub(super) use look::Look;
pub(super) use pose::Pose;

use super::breed::Species;
use super::draw::{Canvas, Point};

/// Draws the whole animal.
pub(super) fn draw(canvas: &mut Canvas, look: &Look, pose: Pose, random: &mut ChaCha8Rng) {
    match pose {
        Pose::Sitting => body::sitting(canvas, look, random),
        Pose::Standing => body::standing(canvas, look, random),
        Pose::Lying => body::lying(canvas, look, random),
        Pose::Portrait => body::portrait(canvas, look, random),
    }
}

/// Draws the head with its middle at `at`.
fn head(canvas: &mut Canvas, look: &Look, at: Point, scale: f32, random: &mut ChaCha8Rng) {
    let scale = scale * look.head_scale;
    canvas.placed(at, (scale, scale), look.tilt, |canvas| {
        match look.breed.species {
            Species::Cat => cat_head::draw(canvas, look, random),
            Species::Dog => dog_head::draw(canvas, look, random),
        }
    });
}
