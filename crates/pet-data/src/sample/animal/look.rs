use rand::Rng;

use crate::sample::breed::Breed;
use crate::sample::draw::{Colour, one_of};

const COLLARS: [Colour; 5] = [
    Colour::hex(0xd8_34_38),
    Colour::hex(0x2c_6c_d0),
    Colour::hex(0x2c_9c_58),
    Colour::hex(0x90_48_b8),
    Colour::hex(0xf0_c0_30),
];

/// One animal of a breed: what sets it apart from the others.
#[derive(Debug)]
pub(in crate::sample) struct Look {
    pub(super) breed: &'static Breed,
    pub(super) coat: Colour,
    pub(super) light: Colour,
    pub(super) dark: Colour,
    pub(super) eyes: Colour,
    pub(super) collar: Option<Colour>,
    /// Size of the head for the body.
    pub(super) head_scale: f32,
    /// Turn of the head, degrees clockwise.
    pub(super) tilt: f32,
    /// How far the face is turned aside, in units to the right.
    pub(super) turn: f32,
    /// Length of the ears, 1 in the middle.
    pub(super) ear_length: f32,
    /// How far the ears stand off, degrees.
    pub(super) ear_angle: f32,
    /// How wide the pupils of a cat are, from 0 to 1.
    pub(super) pupils: f32,
    pub(super) eyes_closed: bool,
    pub(super) tongue_out: bool,
    /// Width of the body, 1 in the middle.
    pub(super) girth: f32,
}

impl Look {
    pub(in crate::sample) fn any(breed: &'static Breed, random: &mut impl Rng) -> Self {
        Self {
            breed,
            coat: one_of(breed.coats, random).varied(0.035, random),
            light: breed.light.varied(0.02, random),
            dark: breed.dark.varied(0.03, random),
            eyes: one_of(breed.eyes, random).varied(0.03, random),
            collar: random.random_bool(0.4).then(|| one_of(&COLLARS, random)),
            head_scale: random.random_range(0.92..1.1),
            tilt: random.random_range(-11.0..11.0),
            turn: random.random_range(-5.0..5.0),
            ear_length: random.random_range(0.86..1.16),
            ear_angle: random.random_range(-7.0..7.0),
            pupils: random.random_range(0.0..1.0),
            eyes_closed: random.random_bool(0.08),
            tongue_out: random.random_bool(0.5),
            girth: random.random_range(0.92..1.12),
        }
    }

    pub(super) fn outline(&self) -> Colour {
        self.breed.outline
    }
}
