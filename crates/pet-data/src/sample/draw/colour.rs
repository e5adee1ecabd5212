use rand::Rng;
use tiny_skia::Color;

/// An opaque colour; every part in `0.0..=1.0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::sample) struct Colour {
    red: f32,
    green: f32,
    blue: f32,
}

impl Colour {
    pub(in crate::sample) const WHITE: Self = Self::hex(0xff_ff_ff);
    pub(in crate::sample) const BLACK: Self = Self::hex(0);

    /// From `0xRRGGBB`.
    pub(in crate::sample) const fn hex(value: u32) -> Self {
        let [_, red, green, blue] = value.to_be_bytes();
        Self {
            red: red as f32 / 255.0,
            green: green as f32 / 255.0,
            blue: blue as f32 / 255.0,
        }
    }

    /// This colour with a `share` of another, from 0 to 1.
    pub(in crate::sample) fn mixed(self, other: Self, share: f32) -> Self {
        let mix = |one: f32, two: f32| (one + (two - one) * share).clamp(0.0, 1.0);
        Self {
            red: mix(self.red, other.red),
            green: mix(self.green, other.green),
            blue: mix(self.blue, other.blue),
        }
    }

    pub(in crate::sample) fn lighter(self, share: f32) -> Self {
        self.mixed(Self::WHITE, share)
    }

    pub(in crate::sample) fn darker(self, share: f32) -> Self {
        self.mixed(Self::BLACK, share)
    }

    /// Each part moved by up to `amount`, and all together by as much again.
    pub(in crate::sample) fn varied(self, amount: f32, random: &mut impl Rng) -> Self {
        let together = random.random_range(-1.0..1.0);
        let mut vary = |part: f32| {
            let alone: f32 = random.random_range(-1.0..1.0);
            (part + amount * (together + 0.5 * alone)).clamp(0.0, 1.0)
        };
        Self {
            red: vary(self.red),
            green: vary(self.green),
            blue: vary(self.blue),
        }
    }

    pub(in crate::sample) fn is_dark(self) -> bool {
        self.red + self.green + self.blue < 0.9
    }

    /// For `tiny-skia`; `opacity` from 0 to 1.
    pub(super) fn with_opacity(self, opacity: f32) -> Color {
        // `None` is for parts out of range, which this type does not hold.
        Color::from_rgba(self.red, self.green, self.blue, opacity).unwrap_or(Color::BLACK)
    }
}

/// One of `colours`; black if there is none.
pub(in crate::sample) fn one_of(colours: &[Colour], random: &mut impl Rng) -> Colour {
    use rand::seq::IndexedRandom;
    colours.choose(random).copied().unwrap_or(Colour::BLACK)
}
