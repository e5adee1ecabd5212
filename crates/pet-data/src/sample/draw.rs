//! Drawing one image: the face of a cat or a dog, of ellipses and triangles, in front of a wall.

use std::f32::consts::TAU;

use pet_image::RgbImage;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tiny_skia::{Color, FillRule, Paint, Path, PathBuilder, Pixmap, Rect, Shader, Transform};

/// A class of the sample.
pub(super) struct Breed {
    /// Name of the class and of its folder.
    pub(super) name: &'static str,
    is_cat: bool,
    /// Whether the ears are pointed; otherwise they hang down.
    pointed: bool,
    markings: Markings,
    /// Coat, muzzle, markings and eyes, each `0xRRGGBB`.
    colours: [u32; 4],
}

enum Markings {
    Plain,
    Stripes,
    Spots,
    /// Dark ears and centre of the face.
    Points,
    /// White below the forehead.
    Mask,
}

/// The classes in the order of their names.
#[rustfmt::skip]
pub(super) const BREEDS: [Breed; 6] = [
    Breed { name: "Black Cat", is_cat: true, pointed: true, markings: Markings::Plain, colours: [0x2a_28_2e, 0x3c_3a_42, 0x16_15_1a, 0xd8_d0_30] },
    Breed { name: "Dalmatian Dog", is_cat: false, pointed: false, markings: Markings::Spots, colours: [0xf2_f0_ec, 0xfc_fa_f6, 0x22_20_22, 0x5a_36_1c] },
    Breed { name: "Ginger Cat", is_cat: true, pointed: true, markings: Markings::Stripes, colours: [0xf0_96_38, 0xff_ea_cc, 0xa8_4c_10, 0x7c_b4_40] },
    Breed { name: "Golden Dog", is_cat: false, pointed: false, markings: Markings::Plain, colours: [0xdc_a8_58, 0xf8_e4_b8, 0xb0_78_30, 0x4a_2c_14] },
    Breed { name: "Husky Dog", is_cat: false, pointed: true, markings: Markings::Mask, colours: [0x62_6a_76, 0xf8_f8_fa, 0x3e_44_4e, 0x6c_c0_f0] },
    Breed { name: "Siamese Cat", is_cat: true, pointed: true, markings: Markings::Points, colours: [0xf0_e2_c8, 0x6c_50_42, 0x54_3c_30, 0x48_9c_ec] },
];

/// Draws one image; `None` for an invalid size. Equal arguments give equal pixels; each `stream` of a seed
/// gives another image.
pub(super) fn draw(breed: &Breed, size: u32, seed: u64, stream: u64) -> Option<RgbImage> {
    let random = &mut ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream);
    let side = size as f32;
    let mut canvas = Canvas { pixels: Pixmap::new(size, size)?, place: Transform::identity() };
    let soft = |[red, green, blue]: [u8; 3]| {
        Color::from_rgba8(90 + red / 2, 90 + green / 2, 90 + blue / 2, 255)
    };
    canvas.pixels.fill(soft(random.random()));
    let horizon = side * random.random_range(0.6..0.9);
    let floor = Rect::from_ltrb(0.0, horizon, side, side).map(PathBuilder::from_rect);
    canvas.fill(floor, soft(random.random()));
    let head = side * random.random_range(0.2..0.28);
    let mut middle = || side * random.random_range(0.44..0.56);
    let (x, y) = (middle(), middle());
    canvas.place = Transform::from_scale(head * random.random_range(0.95..1.2), head)
        .post_rotate(random.random_range(-14.0..14.0))
        .post_translate(x, y);
    canvas.face(breed, random);
    photographed(&canvas.pixels, random)
}

/// The colour `0xRRGGBB`, with all levels shifted.
fn shifted(hex: u32, by: i16) -> Color {
    let level = |shift: u32| (((hex >> shift) & 0xff) as i16 + by).clamp(0, 255) as u8;
    Color::from_rgba8(level(16), level(8), level(0), 255)
}

/// The pixels with random lighting and grain.
fn photographed(pixels: &Pixmap, random: &mut impl Rng) -> Option<RgbImage> {
    let gain: f32 = random.random_range(0.75..1.1);
    let warmth: f32 = random.random_range(-0.09..0.09);
    let grain: f32 = random.random_range(1.0..8.0);
    let tints = [gain * (1.0 + warmth), gain, gain * (1.0 - warmth)];
    let mut levels = Vec::with_capacity(3 * pixels.pixels().len());
    for pixel in pixels.pixels() {
        let noise = grain * random.random_range(-1.0..1.0);
        let colour = [pixel.red(), pixel.green(), pixel.blue()];
        let lit = |(level, tint)| (f32::from(level) * tint + noise) as u8;
        levels.extend(colour.into_iter().zip(tints).map(lit));
    }
    RgbImage::from_raw(pixels.width(), pixels.height(), levels)
}

/// A canvas for shapes; in the coordinates of `place`, the head is a circle of radius 1.
struct Canvas {
    pixels: Pixmap,
    place: Transform,
}

impl Canvas {
    fn face(&mut self, breed: &Breed, random: &mut impl Rng) {
        let vary = random.random_range(-14..=14);
        let [coat, light, dark, eyes] = breed.colours.map(|hex| shifted(hex, vary));
        self.ears(breed, [coat, light, dark]);
        self.ellipse(0.0, 0.0, 1.0, 1.0, coat);
        self.markings(&breed.markings, [light, dark], random);

        let black = Color::BLACK;
        let (muzzle, nose, pupil) =
            if breed.is_cat { (0.28, 0.11, 0.04) } else { (0.4, 0.17, 0.09) };
        self.ellipse(0.0, 0.45, 0.4, muzzle, light);
        self.triangle([-0.02, 0.35, 0.02, 0.35, 0.0, 0.68], black);
        self.triangle([-nose, 0.3, nose, 0.3, 0.0, 0.3 + nose], black);
        let apart = random.random_range(0.35..0.45);
        let open = random.random_range(0.12..0.17);
        for side in [-1.0, 1.0] {
            let x = side * apart;
            self.ellipse(x, -0.12, 0.2, 0.03 + open, black);
            self.ellipse(x, -0.12, 0.17, open, eyes);
            self.ellipse(x, -0.12, pupil, 0.85 * open, black);
            self.ellipse(x + 0.05, -0.17, 0.03, 0.03, Color::WHITE);
            for turn in [-0.1, 0.0, 0.1].iter().filter(|_| breed.is_cat) {
                let (near, far, tip) = (0.45 + turn, 0.4 + 2.5 * turn, side * 1.2);
                let whisker = [side * 0.25, near, tip, far - 0.015, tip, far + 0.015];
                self.triangle(whisker, Color::WHITE);
            }
        }
    }

    fn ears(&mut self, breed: &Breed, [coat, light, dark]: [Color; 3]) {
        let plain = matches!(breed.markings, Markings::Plain | Markings::Stripes);
        let outer = if plain && breed.pointed { coat } else { dark };
        for side in [-1.0_f32, 1.0] {
            if breed.pointed {
                self.triangle([side * 0.95, -0.1, side, -1.55, side * 0.1, -0.9], outer);
                self.triangle([side * 0.8, -0.5, side * 0.9, -1.3, side * 0.35, -0.85], light);
            } else {
                self.ellipse(side * 1.02, 0.15, 0.3, 0.75, outer);
            }
        }
    }

    fn markings(&mut self, markings: &Markings, [light, dark]: [Color; 2], random: &mut impl Rng) {
        match markings {
            Markings::Plain => {}
            Markings::Stripes => {
                for x in [-0.3, 0.0, 0.3] {
                    self.triangle([x - 0.07, -0.93, x + 0.07, -0.93, 0.7 * x, -0.4], dark);
                }
                for (x, y) in [(-0.93, 0.0), (0.93, 0.0), (-0.93, 0.3), (0.93, 0.3)] {
                    self.triangle([x, y - 0.08, x, y + 0.08, 0.6 * x, y + 0.04], dark);
                }
            }
            Markings::Spots => {
                for _ in 0..14 {
                    let (sin, cos) = random.random_range(0.0..TAU).sin_cos();
                    let far: f32 = random.random_range(0.3..0.85);
                    let radius = random.random_range(0.06..0.12);
                    self.ellipse(far * cos, far * sin, radius, radius, dark);
                }
            }
            Markings::Points => self.ellipse(0.0, 0.2, 0.62, 0.72, dark),
            Markings::Mask => {
                self.ellipse(-0.4, 0.3, 0.48, 0.62, light);
                self.ellipse(0.4, 0.3, 0.48, 0.62, light);
            }
        }
    }

    fn ellipse(&mut self, x: f32, y: f32, across: f32, down: f32, colour: Color) {
        let bounds = Rect::from_ltrb(x - across, y - down, x + across, y + down);
        self.fill(bounds.and_then(PathBuilder::from_oval), colour);
    }

    fn triangle(&mut self, [x1, y1, x2, y2, x3, y3]: [f32; 6], colour: Color) {
        let mut path = PathBuilder::new();
        path.move_to(x1, y1);
        path.line_to(x2, y2);
        path.line_to(x3, y3);
        path.close();
        self.fill(path.finish(), colour);
    }

    fn fill(&mut self, path: Option<Path>, colour: Color) {
        let paint = Paint { shader: Shader::SolidColor(colour), ..Paint::default() };
        if let Some(path) = path {
            let rule = FillRule::Winding;
            self.pixels.fill_path(&path, &paint, rule, self.place, None);
        }
    }
}
