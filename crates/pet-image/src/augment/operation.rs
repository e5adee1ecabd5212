//! `RandAugment` (Cubuk et al. 2020): random operations of one magnitude.
//!
//! Operations that replace colours (invert, solarize, equalize, posterize) are omitted, because breeds differ in colour.

use rand::Rng;

use super::Change;
use super::geometry::Warp;

/// The largest magnitude.
pub(super) const MAX_MAGNITUDE: f32 = 10.0;
/// Degrees.
const ROTATION: f32 = 30.0;
/// Shift of one edge, as a share of the other.
const SHEAR: f32 = 0.3;
/// Share of the side.
const SHIFT: f32 = 0.2;
/// Largest change of a factor of 1.
const COLOUR: f32 = 0.9;

/// Adds operations to a change.
pub(super) fn draw(change: &mut Change, operations: u32, magnitude: f32, random: &mut impl Rng) {
    for _ in 0..operations {
        let sign = if random.random::<bool>() { 1.0 } else { -1.0 };
        let strength = sign * magnitude / MAX_MAGNITUDE;
        let warp = match random.random_range(0..8_u32) {
            0 => Warp::rotation(strength * ROTATION),
            1 => Warp([[1.0, strength * SHEAR, 0.0], [0.0, 1.0, 0.0]]),
            2 => Warp([[1.0, 0.0, 0.0], [strength * SHEAR, 1.0, 0.0]]),
            3 => Warp([[1.0, 0.0, strength * SHIFT], [0.0, 1.0, 0.0]]),
            4 => Warp([[1.0, 0.0, 0.0], [0.0, 1.0, strength * SHIFT]]),
            colour => {
                let factor = match colour {
                    5 => &mut change.brightness,
                    6 => &mut change.contrast,
                    _ => &mut change.saturation,
                };
                *factor *= 1.0 + strength * COLOUR;
                continue;
            }
        };
        let before = change.warp.unwrap_or(Warp::NONE);
        change.warp = Some(before.after(&warp));
    }
}
