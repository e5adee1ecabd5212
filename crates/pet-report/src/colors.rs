//! Colours that are distinct with any common colour blindness.

/// Red, green and blue, each 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Color(pub(crate) [u8; 3]);

pub(crate) const WHITE: Color = Color([0xff, 0xff, 0xff]);
/// Titles and the text of axes.
pub(crate) const INK: Color = Color([0x1f, 0x29, 0x33]);
/// Numbers and notes.
pub(crate) const FAINT_INK: Color = Color([0x5b, 0x67, 0x70]);
/// Grid lines.
pub(crate) const GRID: Color = Color([0xe3, 0xe7, 0xeb]);
/// Frames.
pub(crate) const FRAME: Color = Color([0xa9, 0xb3, 0xbc]);
/// Cells without images.
pub(crate) const EMPTY: Color = Color([0xf3, 0xf5, 0xf7]);
/// Training images and correct predictions: blue of Okabe and Ito's palette
/// (<https://jfly.uni-koeln.de/color/>).
pub(crate) const BLUE: Color = Color([0x00, 0x72, 0xb2]);
/// Validation images and mistakes: vermilion of the same palette.
pub(crate) const VERMILION: Color = Color([0xd5, 0x5e, 0x00]);
/// The best epoch: bluish green of the same palette.
pub(crate) const GREEN: Color = Color([0x00, 0x9e, 0x73]);

impl Color {
    /// A tint from nearly white at 0 to this colour at 1.
    pub(crate) fn tint(self, share: f32) -> Self {
        // Mistakes are mostly small shares: visible even for one image of hundreds, with more of the range for the
        // lower shares.
        let strength = 0.12 + 0.88 * share.clamp(0.0, 1.0).powf(0.75);
        Self(self.0.map(|level| (255.0 + (f32::from(level) - 255.0) * strength).round() as u8))
    }

    /// Interpolates from this colour at 0 to another at 1.
    pub(crate) fn mix(self, other: Self, share: f32) -> Self {
        let mut mixed = self;
        for (own, other) in mixed.0.iter_mut().zip(other.0) {
            *own = (f32::from(*own) + (f32::from(other) - f32::from(*own)) * share).round() as u8;
        }
        mixed
    }

    /// The grey of the same luminance.
    pub(crate) fn grey(self) -> Self {
        Self([self.luminance().round() as u8; 3])
    }

    /// Luminance with the weights of ITU-R BT.709, without gamma.
    fn luminance(self) -> f32 {
        let [red, green, blue] = self.0.map(f32::from);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// White or ink, whichever is more legible on this background.
    pub(crate) fn ink(self) -> Self {
        if self.luminance() > 150.0 { INK } else { WHITE }
    }
}

/// Ten steps of matplotlib's `inferno` (Nathaniel Smith and Stéfan van der Walt, 2015, CC0): perceptually uniform, also
/// for the colour-blind and in print, with increasing lightness.
const INFERNO: [[u8; 3]; 10] = [
    [0x00, 0x00, 0x04],
    [0x1b, 0x0c, 0x42],
    [0x4b, 0x0c, 0x6b],
    [0x78, 0x1c, 0x6d],
    [0xa5, 0x2c, 0x60],
    [0xcf, 0x44, 0x46],
    [0xed, 0x69, 0x25],
    [0xfb, 0x9a, 0x06],
    [0xf7, 0xd0, 0x3c],
    [0xfc, 0xff, 0xa4],
];

/// The colour of a value from 0 to 1.
pub(crate) fn inferno(share: f32) -> Color {
    let position = share.clamp(0.0, 1.0) * (INFERNO.len() - 1) as f32;
    let step = (position as usize).min(INFERNO.len() - 2);
    Color(INFERNO[step]).mix(Color(INFERNO[step + 1]), position - step as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tint_darkens_with_the_share_and_its_ink_follows() {
        for color in [BLUE, VERMILION] {
            let levels = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| color.tint(share).0[1]);
            assert!(levels.is_sorted_by(|left, right| left > right), "{levels:?}");
            assert_eq!(color.tint(0.0).ink(), INK);
            assert_eq!(color.tint(1.0).ink(), WHITE);
        }
    }

    #[test]
    fn more_is_lighter() {
        let lightness = |step: u8| {
            let [red, green, blue] = inferno(f32::from(step) / 100.0).0.map(f32::from);
            0.2126 * red + 0.7152 * green + 0.0722 * blue
        };
        let levels: Vec<f32> = (0..=100).map(lightness).collect();
        assert!(levels.windows(2).all(|pair| pair[0] <= pair[1] + 0.5), "{levels:?}");
        assert_eq!(inferno(-1.0), Color(INFERNO[0]));
        assert_eq!(inferno(2.0), Color(INFERNO[9]));
        assert_eq!(inferno(f32::NAN).0.len(), 3);
    }
}
