//! Aligning one image with another.

use super::area::Area;
use super::thumbnail::Sums;

/// Cells along each side that are compared.
const SIDE: usize = 24;
/// A start below this similarity is not improved: even misaligned duplicates are above it.
const MIN_START: f32 = 0.6;
/// The first and the last step of the search, as a fraction of the sides.
const STEPS: (f32, f32) = (0.04, 0.004);

/// An image normalized to mean 0 and norm 1.
pub(super) struct Pattern(Vec<f32>);

impl Pattern {
    /// `None` for a uniform image.
    pub(super) fn of(sums: &Sums, area: Area) -> Option<Self> {
        let mut levels = sums.part(area, SIDE);
        let mean = levels.iter().sum::<f32>() / levels.len() as f32;
        for level in &mut levels {
            *level -= mean;
        }
        let norm = levels.iter().map(|level| level * level).sum::<f32>().sqrt();
        if norm < 1.0 {
            return None;
        }
        for level in &mut levels {
            *level /= norm;
        }
        Some(Self(levels))
    }

    /// The correlation of two patterns, -1 to 1.
    fn correlation(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(one, other)| one * other).sum()
    }

    /// The correlation with the best matching area of the other image, found from `start` with decreasing steps.
    pub(super) fn best_fit(&self, other: &Sums, start: Area) -> f32 {
        let similarity = |area: Area| {
            let pattern = Self::of(other, area);
            pattern.map_or(0.0, |pattern| self.correlation(&pattern))
        };
        let (mut area, mut best) = (start, similarity(start));
        let (mut step, last) = STEPS;
        while best >= MIN_START && step >= last {
            let around = area.around(step).map(|area| (area, similarity(area)));
            match around.max_by(|one, other| one.1.total_cmp(&other.1)) {
                Some((better, value)) if value > best => (area, best) = (better, value),
                _ => step /= 2.0,
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use pet_image::{CropBox, RgbImage, crop};

    use super::super::thumbnail::Thumbnail;
    use super::*;

    /// Waves without repetition.
    fn picture(seed: f32) -> RgbImage {
        RgbImage::from_fn(300, 200, |x, y| {
            let (x, y) = (x as f32 / 50.0, y as f32 / 50.0);
            let wave = (seed * x + y * y).sin() + (x * y * 0.7 + seed).cos();
            [(127.0 + 60.0 * wave) as u8; 3].into()
        })
    }

    fn similarity(whole: &RgbImage, other: &RgbImage) -> f32 {
        let sums = |image| Thumbnail::of(image).unwrap().sums();
        let pattern = Pattern::of(&sums(whole), Area::WHOLE).unwrap();
        let starts = Area::all().into_iter();
        let fits = starts.map(|start| pattern.best_fit(&sums(other), start));
        fits.fold(0.0, f32::max)
    }

    #[test]
    fn a_cut_out_fits_where_it_was_cut_out() {
        let original = picture(1.0);
        for (left, top, right, bottom) in [(0, 0, 250, 170), (70, 55, 300, 200), (31, 13, 266, 181)]
        {
            let area = CropBox { left, top, right, bottom };
            let cut = crop(&original, area).unwrap();
            let found = similarity(&cut, &original);
            assert!(found > 0.98, "{area:?}: {found}");
        }
    }

    #[test]
    fn another_picture_fits_nowhere() {
        let found = similarity(&picture(1.0), &picture(3.3));
        assert!(found < 0.8, "{found}");
    }

    #[test]
    fn one_colour_has_no_pattern() {
        let grey = Thumbnail::of(&RgbImage::from_pixel(9, 9, [80; 3].into())).unwrap();
        assert!(Pattern::of(&grey.sums(), Area::WHOLE).is_none());
    }
}
