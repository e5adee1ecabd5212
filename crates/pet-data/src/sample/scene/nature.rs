use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::anywhere;
use crate::sample::draw::{Canvas, Colour, Point, SIDE, Shape};

pub(super) fn cloud(canvas: &mut Canvas, (x, y): Point, size: f32, colour: Colour) {
    for (dx, dy, radius) in [
        (-1.3, 0.25, 0.7),
        (-0.4, -0.2, 1.0),
        (0.7, 0.0, 0.85),
        (1.5, 0.3, 0.6),
    ] {
        let puff = Shape::ellipse(
            (x + size * dx, y + size * dy),
            (size * radius, 0.7 * size * radius),
        );
        canvas.tint(&puff, colour, 0.9);
    }
}

/// A round hill over the whole width, its top near `y`.
pub(super) fn hill(canvas: &mut Canvas, y: f32, colour: Colour, random: &mut ChaCha8Rng) {
    let shift = random.random_range(-60.0..60.0);
    let center = (0.5 * SIDE + shift, y + 90.0);
    canvas.fill_round(&Shape::ellipse(center, (210.0, 95.0)), colour);
}

/// A tree with a round crown; `foot` is where it grows.
pub(super) fn tree(canvas: &mut Canvas, (x, y): Point, size: f32, crown: Colour) {
    let trunk = Colour::hex(0x7a_54_34);
    canvas.fill(
        &Shape::rectangle((x - 0.1 * size, y - 0.6 * size), (x + 0.1 * size, y)),
        trunk,
    );
    for (dx, dy, radius) in [(-0.28, -0.7, 0.34), (0.28, -0.72, 0.34), (0.0, -1.0, 0.4)] {
        let center = (x + size * dx, y + size * dy);
        canvas.fill_round(
            &Shape::ellipse(center, (size * radius, size * radius)),
            crown,
        );
    }
}

/// A fir of three tiers with snow on them; `foot` is where it grows.
pub(super) fn fir(canvas: &mut Canvas, (x, y): Point, size: f32) {
    let green = Colour::hex(0x3c_6c_58);
    canvas.fill(
        &Shape::rectangle((x - 0.06 * size, y - 0.2 * size), (x + 0.06 * size, y)),
        Colour::hex(0x6a_4a_34),
    );
    for (bottom, half, height) in [(0.15, 0.36, 0.45), (0.42, 0.29, 0.4), (0.68, 0.2, 0.36)] {
        let (bottom, half, height) = (y - size * bottom, size * half, size * height);
        let tier = [(x - half, bottom), (x, bottom - height), (x + half, bottom)];
        canvas.fill(&Shape::polygon(&tier), green);
        let snow = [
            (x - 0.4 * half, bottom - 0.6 * height),
            (x, bottom - height),
            (x + 0.4 * half, bottom - 0.6 * height),
        ];
        canvas.fill(&Shape::polygon(&snow), Colour::WHITE);
    }
}

/// Blades of grass between two heights.
pub(super) fn grass(
    canvas: &mut Canvas,
    (top, bottom): (f32, f32),
    colour: Colour,
    random: &mut ChaCha8Rng,
) {
    for _ in 0..70 {
        let (x, y) = anywhere(random, top, bottom);
        let lean = random.random_range(-3.0..3.0);
        let blade = Shape::curve(&[(x, y), (x + lean, y - random.random_range(5.0..10.0))]);
        canvas.stroke(&blade, colour.varied(0.06, random), 1.5);
    }
}

pub(super) fn flower(canvas: &mut Canvas, (x, y): Point, colour: Colour) {
    for (dx, dy) in [(-2.6, 0.0), (2.6, 0.0), (0.0, -2.6), (0.0, 2.6)] {
        canvas.fill(&Shape::ellipse((x + dx, y + dy), (2.3, 2.3)), colour);
    }
    canvas.fill(&Shape::ellipse((x, y), (1.8, 1.8)), Colour::hex(0xf8_d0_40));
}
