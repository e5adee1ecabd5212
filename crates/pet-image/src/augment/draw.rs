//! Drawing random changes.

use rand::Rng;

use super::{Augment, Change, Erased, operation};
use crate::CropBox;

/// Attempts to draw a crop that fits, before the centre is used, as in torchvision.
const TRIES: usize = 10;

impl Augment {
    /// Draws the changes for a photograph of this size in pixels.
    ///
    /// The settings must be valid, see [`check`](Self::check).
    pub fn draw(&self, width: u32, height: u32, random: &mut impl Rng) -> Change {
        let mut change = Change {
            part: self.draw_part(width, height, random),
            mirrored: random.random::<f32>() < self.flip,
            brightness: factor(self.brightness, random),
            contrast: factor(self.contrast, random),
            saturation: factor(self.saturation, random),
            ..Change::NONE
        };
        operation::draw(&mut change, self.operations, self.magnitude, random);
        change.erased = Erased::draw(self.erase, random);
        change
    }

    /// Draws a crop as torchvision's `RandomResizedCrop` (after Szegedy et al., Going deeper with
    /// convolutions, 2015): the area uniformly, the aspect ratio log-uniformly, then the position.
    fn draw_part(&self, width: u32, height: u32, random: &mut impl Rng) -> Option<CropBox> {
        if self.scale == (1.0, 1.0) || width == 0 || height == 0 {
            return None;
        }
        let area = f64::from(width) * f64::from(height);
        let logarithms = (f64::from(self.ratio.0).ln(), f64::from(self.ratio.1).ln());
        for _ in 0..TRIES {
            let scale = (f64::from(self.scale.0), f64::from(self.scale.1));
            let target = area * between(scale, random);
            let ratio = between(logarithms, random).exp();
            let part_width = (target * ratio).sqrt().round_ties_even() as u32;
            let part_height = (target / ratio).sqrt().round_ties_even() as u32;
            if (1..=width).contains(&part_width) && (1..=height).contains(&part_height) {
                let left = random.random_range(0..=width - part_width);
                let top = random.random_range(0..=height - part_height);
                return Some(area_at(left, top, part_width, part_height));
            }
        }
        Some(self.middle(width, height))
    }

    /// The largest centred crop of an allowed aspect ratio.
    fn middle(&self, width: u32, height: u32) -> CropBox {
        let (lowest, highest) = (f64::from(self.ratio.0), f64::from(self.ratio.1));
        let ratio = f64::from(width) / f64::from(height);
        let (mut part_width, mut part_height) = (width, height);
        if ratio < lowest {
            part_height = (f64::from(width) / lowest).round_ties_even() as u32;
        } else if ratio > highest {
            part_width = (f64::from(height) * highest).round_ties_even() as u32;
        }
        // A very thin photograph and extreme ratios could leave nothing.
        let (part_width, part_height) = (part_width.max(1), part_height.max(1));
        let (left, top) = ((width - part_width) / 2, (height - part_height) / 2);
        area_at(left, top, part_width, part_height)
    }
}

const fn area_at(left: u32, top: u32, width: u32, height: u32) -> CropBox {
    CropBox { left, top, right: left + width, bottom: top + height }
}

/// A uniformly distributed number.
fn between((low, high): (f64, f64), random: &mut impl Rng) -> f64 {
    low + (high - low) * random.random::<f64>()
}

/// A factor around 1.
fn factor(strength: f32, random: &mut impl Rng) -> f32 {
    1.0 + strength * (2.0 * random.random::<f32>() - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn parts(augment: Augment, width: u32, height: u32) -> Vec<CropBox> {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let draws = (0..2000).map(|_| augment.draw_part(width, height, &mut random));
        draws.map(Option::unwrap).collect()
    }

    #[test]
    fn all_allowed_areas_and_ratios_come_up() {
        let parts = parts(Augment::standard(), 500, 375);
        let share = |part: &CropBox| f64::from(part.width() * part.height()) / (500.0 * 375.0);
        let count = |condition: &dyn Fn(&CropBox) -> bool| {
            parts.iter().filter(|part| condition(part)).count()
        };
        // Rounding to whole pixels moves an area by less than one in a hundred.
        assert_eq!(count(&|part| !(0.345..=1.0).contains(&share(part))), 0);
        // Large parts seldom fit, so the small ones outnumber them; but both are there.
        assert!(count(&|part| share(part) < 0.45) > 200);
        assert!(count(&|part| share(part) > 0.85) > 100);
        assert!(count(&|part| part.width() > part.height()) > 700);
        assert!(count(&|part| part.width() < part.height()) > 700);
        assert!(count(&|part| part.left == 0) < 200);
        assert!(count(&|part| part.right == 500) < 200);
    }

    #[test]
    fn where_nothing_fits_the_middle_is_taken() {
        // No part of 90 % of the area of a strip has a ratio up to 4/3.
        let augment = Augment { scale: (0.9, 0.95), ..Augment::standard() };
        assert!(parts(augment, 400, 30).iter().all(|part| *part == area_at(180, 0, 40, 30)));
        assert!(parts(augment, 30, 400).iter().all(|part| *part == area_at(0, 180, 30, 40)));
        let flat = Augment { ratio: (100.0, 100.0), ..augment };
        assert_eq!(parts(flat, 1, 9)[0], area_at(0, 4, 1, 1));
    }

    #[test]
    fn operations_come_on_top_of_what_was_drawn_before() {
        let augment = |operations| Augment { operations, magnitude: 5.0, ..Augment::none() };
        let draw = |operations| {
            let mut random = ChaCha8Rng::seed_from_u64(7);
            let draws = (0..800).map(|_| augment(operations).draw(40, 30, &mut random));
            draws.collect::<Vec<_>>()
        };
        assert!(draw(0).iter().all(|change| *change == Change::NONE));
        // Five of eight operations move the square; of two draws both are colours in 9 of 64 cases.
        let moved = |changes: &[Change]| changes.iter().filter(|one| one.warp.is_some()).count();
        assert!((440..560).contains(&moved(&draw(1))));
        assert!((630..740).contains(&moved(&draw(2))));
        for change in draw(2) {
            let factors = [change.brightness, change.contrast, change.saturation];
            assert!(factors.iter().all(|factor| (0.3..=2.11).contains(factor)));
        }
    }

    #[test]
    fn a_mirror_comes_up_as_often_as_it_should() {
        let augment = Augment { flip: 0.25, ..Augment::none() };
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mirrored = (0..4000).filter(|_| augment.draw(40, 30, &mut random).mirrored).count();
        // Four standard deviations: sqrt(4000 * 0.25 * 0.75) = 27.
        assert!((890..=1110).contains(&mirrored), "{mirrored}");
    }
}
