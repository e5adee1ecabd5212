//! The colour map of heat maps.

use super::colors::Color;

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
pub(super) fn inferno(share: f32) -> Color {
    let position = share.clamp(0.0, 1.0) * (INFERNO.len() - 1) as f32;
    let step = (position as usize).min(INFERNO.len() - 2);
    Color(INFERNO[step]).mix(Color(INFERNO[step + 1]), position - step as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

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
