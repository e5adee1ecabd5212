use pet_image::RgbImage;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// The light that a picture is taken in.
#[derive(Debug)]
pub(super) struct Light {
    /// Brightness, 1 in the middle.
    gain: f32,
    /// Above 0 towards red and away from blue.
    warmth: f32,
    /// How much brighter the right side is than the left, as a share.
    slope: f32,
    /// Largest change of a level by the grain of the picture.
    grain: f32,
}

impl Light {
    pub(super) fn any(random: &mut impl Rng) -> Self {
        Self {
            gain: random.random_range(0.72..1.12),
            warmth: random.random_range(-0.09..0.09),
            slope: random.random_range(-0.3..0.3),
            grain: random.random_range(1.0..3.5),
        }
    }

    /// Changes every pixel.
    pub(super) fn apply(&self, image: &mut RgbImage, random: &mut ChaCha8Rng) {
        let width = image.width() as f32;
        for (x, _, pixel) in image.enumerate_pixels_mut() {
            let brightness = self.gain * (1.0 + self.slope * (x as f32 / width - 0.5));
            let grain = self.grain * random.random_range(-1.0..1.0);
            let tints = [1.0 + self.warmth, 1.0, 1.0 - self.warmth];
            for (level, tint) in pixel.0.iter_mut().zip(tints) {
                *level = (f32::from(*level) * brightness * tint + grain).clamp(0.0, 255.0) as u8;
            }
        }
    }
}
