use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{HORIZON, band};
use crate::sample::draw::{Canvas, Colour, SIDE, Shape, one_of};

const WALLS: [Colour; 5] = [
    Colour::hex(0x9c_c0_b8),
    Colour::hex(0xe4_c4_b4),
    Colour::hex(0xb4_b8_d8),
    Colour::hex(0xe8_dc_b0),
    Colour::hex(0xc0_90_94),
];
const FLOORS: [Colour; 3] = [
    Colour::hex(0xb0_80_54),
    Colour::hex(0x8c_60_40),
    Colour::hex(0xc8_a0_74),
];
const RUGS: [Colour; 4] = [
    Colour::hex(0xa8_40_48),
    Colour::hex(0x48_70_a0),
    Colour::hex(0x58_88_60),
    Colour::hex(0xd8_b0_60),
];

pub(super) fn room(canvas: &mut Canvas, random: &mut ChaCha8Rng) {
    let wall = one_of(&WALLS, random).varied(0.05, random);
    band(canvas, (0.0, wall), (HORIZON, wall.darker(0.08)));
    if random.random_bool(0.5) {
        wallpaper(canvas, wall, random);
    }
    let floor = one_of(&FLOORS, random).varied(0.04, random);
    band(canvas, (HORIZON, floor), (SIDE, floor.darker(0.2)));
    for y in [172.0, 190.0, 212.0, 236.0] {
        canvas.stroke(
            &Shape::curve(&[(0.0, y), (SIDE, y)]),
            floor.darker(0.3),
            1.4,
        );
    }
    band(
        canvas,
        (HORIZON - 9.0, Colour::hex(0xf4_ee_e4)),
        (HORIZON, Colour::hex(0xd8_d0_c4)),
    );
    let x = random.random_range(10.0..170.0);
    if random.random_bool(0.5) {
        window(canvas, x);
    } else {
        painting(canvas, x, random);
    }
    rug(canvas, random);
}

fn wallpaper(canvas: &mut Canvas, wall: Colour, random: &mut ChaCha8Rng) {
    let spacing = random.random_range(18.0..34.0);
    let mut x = 0.5 * spacing;
    while x < SIDE {
        let stripe = Shape::rectangle(
            (x - 0.25 * spacing, 0.0),
            (x + 0.25 * spacing, HORIZON - 9.0),
        );
        canvas.tint(&stripe, wall.lighter(0.4), 0.6);
        x += spacing;
    }
}

fn window(canvas: &mut Canvas, x: f32) {
    let pane = Shape::rectangle((x, 16.0), (x + 74.0, 100.0));
    let (top, bottom) = (Colour::hex(0x90_c8_f0), Colour::hex(0xe8_f4_f8));
    canvas.fill_blend(&pane, ((x, 16.0), top), ((x, 100.0), bottom));
    let frame = Colour::hex(0xf8_f4_ec);
    canvas.stroke(&pane, frame, 6.0);
    canvas.stroke(
        &Shape::curve(&[(x + 37.0, 16.0), (x + 37.0, 100.0)]),
        frame,
        4.0,
    );
    canvas.stroke(&Shape::curve(&[(x, 58.0), (x + 74.0, 58.0)]), frame, 4.0);
}

fn painting(canvas: &mut Canvas, x: f32, random: &mut ChaCha8Rng) {
    let picture = Shape::rectangle((x, 22.0), (x + 58.0, 68.0));
    canvas.fill(&picture, one_of(&RUGS, random).lighter(0.5));
    canvas.clipped(&picture, |canvas| {
        let hill = Shape::ellipse((x + 20.0, 72.0), (34.0, 24.0));
        canvas.fill(&hill, one_of(&RUGS, random));
        canvas.fill(
            &Shape::ellipse((x + 44.0, 36.0), (6.0, 6.0)),
            Colour::hex(0xf8_e0_90),
        );
    });
    canvas.stroke(&picture, Colour::hex(0x70_4c_2c), 4.5);
}

fn rug(canvas: &mut Canvas, random: &mut ChaCha8Rng) {
    let colour = one_of(&RUGS, random).varied(0.04, random);
    let center = (random.random_range(90.0..166.0), 216.0);
    canvas.fill(&Shape::ellipse(center, (112.0, 30.0)), colour.darker(0.15));
    canvas.fill(&Shape::ellipse(center, (102.0, 26.0)), colour.lighter(0.25));
    canvas.fill(&Shape::ellipse(center, (92.0, 22.0)), colour);
}
