use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Look;
use super::coat::{self, OUTLINE};
use super::face::{self, Eyes};
use crate::sample::breed::Markings;
use crate::sample::draw::{Canvas, Colour, Shape};

const PINK: Colour = Colour::hex(0xf0_98_98);

pub(super) fn draw(canvas: &mut Canvas, look: &Look, random: &mut ChaCha8Rng) {
    for side in [-1.0, 1.0] {
        ear(canvas, look, side);
    }
    let skull = Shape::symmetric(&[
        (0.0, -34.0),
        (22.0, -31.0),
        (39.0, -10.0),
        (43.0, 10.0),
        (27.0, 29.0),
        (0.0, 35.0),
    ]);
    canvas.fill_round(&skull, look.coat);
    canvas.clipped(&skull, |canvas| match look.breed.markings {
        Markings::Stripes => stripes(canvas, look),
        Markings::Points => mask(canvas, look),
        _ => {}
    });
    canvas.stroke(&skull, look.outline(), OUTLINE);
    muzzle(canvas, look);
    let pupil = 2.4 + 4.0 * look.pupils;
    Eyes {
        apart: 17.0,
        y: -3.0,
        radii: (9.5, 10.0),
        pupil: (pupil, 8.0),
        iris: look.eyes,
    }
    .draw(canvas, look);
    whiskers(canvas, look, random);
}

/// An upright triangle with a pink inside; `side` is -1 for left and 1 for right.
fn ear(canvas: &mut Canvas, look: &Look, side: f32) {
    let tip = -30.0 - 30.0 * look.ear_length;
    let place = |points: [(f32, f32); 3]| {
        let points = points.map(|(x, y)| (side * x, y));
        Shape::polygon(&points).turned(side * look.ear_angle, (side * 24.0, -22.0))
    };
    let (coat, inside) = match look.breed.markings {
        Markings::Points => (look.dark, look.dark.lighter(0.2)),
        Markings::Plain => (look.coat, look.coat.mixed(PINK, 0.35)),
        _ => (look.coat, PINK.mixed(look.light, 0.2)),
    };
    coat::part(
        canvas,
        look,
        &place([(40.0, -6.0), (35.0, tip), (6.0, -28.0)]),
        coat,
    );
    canvas.fill(
        &place([(35.0, -14.0), (32.0, tip + 11.0), (14.0, -27.0)]),
        inside,
    );
}

/// The `M` on the forehead and bands on the cheeks.
fn stripes(canvas: &mut Canvas, look: &Look) {
    for (x, bottom) in [(-10.0, -17.0), (0.0, -14.0), (10.0, -17.0)] {
        let x = x + look.turn;
        canvas.stroke(
            &Shape::curve(&[(0.9 * x, -36.0), (x, bottom)]),
            look.dark,
            4.5,
        );
    }
    for side in [-1.0, 1.0] {
        for y in [4.0, 14.0] {
            let band = [
                (side * 46.0, y - 2.0),
                (side * 38.0, y),
                (side * 30.0, y + 1.0),
            ];
            canvas.stroke(&Shape::curve(&band), look.dark, 4.0);
        }
    }
}

/// The dark middle of the face, soft at its edge.
fn mask(canvas: &mut Canvas, look: &Look) {
    for (grow, opacity) in [(8.0, 0.25), (4.0, 0.4), (0.0, 0.75)] {
        let shape = Shape::ellipse((look.turn, 10.0), (21.0 + grow, 23.0 + grow));
        canvas.tint(&shape, look.dark, opacity);
    }
}

fn muzzle(canvas: &mut Canvas, look: &Look) {
    let x = look.turn;
    let pads = match look.breed.markings {
        Markings::Points => look.dark.lighter(0.12),
        _ => look.light,
    };
    canvas.fill(&Shape::ellipse((x, 25.0), (8.0, 6.0)), pads.darker(0.06));
    for side in [-1.0, 1.0] {
        canvas.fill_round(&Shape::ellipse((x + side * 8.5, 17.0), (11.0, 9.0)), pads);
    }
    let line = if pads.is_dark() {
        pads.lighter(0.45)
    } else {
        look.outline()
    };
    face::mouth(canvas, line, (x, 14.0), 11.0);
    let nose = Shape::smooth(&[(x - 5.5, 8.0), (x + 5.5, 8.0), (x, 14.0)]);
    let nose_colour = match look.breed.markings {
        Markings::Points => look.dark.darker(0.4),
        Markings::Plain => Colour::hex(0x6a_50_54),
        _ => PINK.darker(0.1),
    };
    canvas.fill(&nose, nose_colour);
    canvas.stroke(&nose, nose_colour.darker(0.35), 1.4);
}

fn whiskers(canvas: &mut Canvas, look: &Look, random: &mut ChaCha8Rng) {
    let colour = if look.coat.is_dark() {
        Colour::hex(0xc8_c8_d0)
    } else {
        Colour::WHITE
    };
    let droop = random.random_range(-3.0..5.0);
    for side in [-1.0, 1.0] {
        for (index, y) in [12.0, 17.0, 22.0].into_iter().enumerate() {
            let end = y + droop + 5.0 * (index as f32 - 1.0);
            let x = look.turn;
            let line = [
                (x + side * 15.0, y),
                (x + side * 34.0, 0.5 * (y + end) - 1.5),
                (side * 56.0, end),
            ];
            canvas.stroke(&Shape::curve(&line), colour, 1.3);
        }
    }
}
