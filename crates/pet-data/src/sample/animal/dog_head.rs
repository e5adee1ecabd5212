use rand_chacha::ChaCha8Rng;

use super::Look;
use super::coat::{self, Extent, OUTLINE};
use super::face::{self, Eyes};
use crate::sample::breed::{Ears, Markings};
use crate::sample::draw::{Canvas, Colour, Shape};

const NOSE: Colour = Colour::hex(0x1e_1a_1c);
const TONGUE: Colour = Colour::hex(0xe8_70_80);

pub(super) fn draw(canvas: &mut Canvas, look: &Look, random: &mut ChaCha8Rng) {
    if look.breed.ears == Ears::Pointed {
        pointed_ears(canvas, look);
    }
    let skull = Shape::symmetric(&[
        (0.0, -38.0),
        (20.0, -34.0),
        (33.0, -12.0),
        (32.0, 10.0),
        (22.0, 32.0),
        (0.0, 42.0),
    ]);
    canvas.fill_round(&skull, look.coat);
    canvas.clipped(&skull, |canvas| match look.breed.markings {
        Markings::Spots => {
            let extent = Extent {
                center: (0.0, -8.0),
                reach: (34.0, 34.0),
            };
            let face = [-18.0, -10.0, 10.0, 18.0].map(|x| (look.turn + x, -8.0));
            coat::spots(canvas, look, extent, &face, random);
        }
        Markings::Mask => white_face(canvas, look),
        _ => {}
    });
    canvas.stroke(&skull, look.outline(), OUTLINE);
    if look.breed.ears == Ears::Floppy {
        floppy_ears(canvas, look);
    }
    muzzle(canvas, look);
    Eyes {
        apart: 14.0,
        y: -8.0,
        radii: (6.8, 7.4),
        pupil: (3.6, 4.2),
        iris: look.eyes,
    }
    .draw(canvas, look);
    brows(canvas, look);
}

fn pointed_ears(canvas: &mut Canvas, look: &Look) {
    let tip = -32.0 - 30.0 * look.ear_length;
    for side in [-1.0, 1.0] {
        let place = |points: [(f32, f32); 3]| {
            let points = points.map(|(x, y)| (side * x, y));
            Shape::polygon(&points).turned(side * look.ear_angle, (side * 20.0, -26.0))
        };
        let outside = place([(33.0, -12.0), (27.0, tip), (5.0, -32.0)]);
        coat::part(canvas, look, &outside, look.dark.mixed(look.coat, 0.4));
        canvas.fill(
            &place([(28.0, -20.0), (25.0, tip + 13.0), (11.0, -32.0)]),
            look.light.darker(0.08),
        );
    }
}

/// Ears that hang down beside the face.
fn floppy_ears(canvas: &mut Canvas, look: &Look) {
    let colour = match look.breed.markings {
        Markings::Spots => look.dark.lighter(0.06),
        _ => look.dark.mixed(look.coat, 0.3),
    };
    let end = -20.0 + 52.0 * look.ear_length;
    for side in [-1.0, 1.0] {
        let points = [
            (20.0, -35.0),
            (38.0, -27.0),
            (47.0, 0.5 * (end - 20.0)),
            (44.0, end),
            (33.0, end - 3.0),
            (27.0, -4.0),
        ];
        let ear = Shape::smooth(&points.map(|(x, y)| (side * x, y)))
            .turned(-side * look.ear_angle, (side * 22.0, -32.0));
        coat::part(canvas, look, &ear, colour);
    }
}

/// White around the eyes, the cheeks and the muzzle, with a dark wedge down the forehead.
fn white_face(canvas: &mut Canvas, look: &Look) {
    let x = look.turn;
    canvas.fill(&Shape::ellipse((x, 26.0), (36.0, 26.0)), look.light);
    for side in [-1.0, 1.0] {
        canvas.fill(
            &Shape::ellipse((x + side * 14.0, -6.0), (11.0, 14.0)),
            look.light,
        );
        canvas.fill(
            &Shape::ellipse((x + side * 10.0, -22.0), (6.0, 8.0)),
            look.light,
        );
    }
    let wedge = [
        (x - 7.0, -40.0),
        (x + 7.0, -40.0),
        (x + 3.0, 2.0),
        (x - 3.0, 2.0),
    ];
    canvas.fill(&Shape::polygon(&wedge), look.coat);
}

fn muzzle(canvas: &mut Canvas, look: &Look) {
    let x = 1.4 * look.turn;
    if look.tongue_out && !look.eyes_closed {
        let tongue = Shape::smooth(&[
            (x - 7.0, 30.0),
            (x + 7.0, 30.0),
            (x + 6.5, 46.0),
            (x, 51.0),
            (x - 6.5, 46.0),
        ]);
        canvas.fill_round(&tongue, TONGUE);
        canvas.stroke(&tongue, TONGUE.darker(0.5), 1.8);
        canvas.stroke(
            &Shape::curve(&[(x, 34.0), (x, 44.0)]),
            TONGUE.darker(0.25),
            1.6,
        );
    }
    let snout = Shape::symmetric(&[
        (0.0, 2.0),
        (11.0, 5.0),
        (20.0, 20.0),
        (16.0, 32.0),
        (0.0, 36.0),
    ]);
    canvas.placed((x, 0.0), (1.0, 1.0), 0.0, |canvas| {
        canvas.fill_round(&snout, look.light.mixed(look.coat, 0.12));
    });
    face::mouth(canvas, look.outline().darker(0.3), (x, 18.0), 14.0);
    let nose = Shape::smooth(&[
        (x - 10.0, 7.0),
        (x, 3.5),
        (x + 10.0, 7.0),
        (x + 5.0, 15.0),
        (x, 18.0),
        (x - 5.0, 15.0),
    ]);
    canvas.fill(&nose, NOSE);
    canvas.fill(
        &Shape::ellipse((x - 3.0, 7.5), (3.0, 1.7)),
        NOSE.lighter(0.55),
    );
}

fn brows(canvas: &mut Canvas, look: &Look) {
    let colour = look.dark.mixed(look.coat, 0.2);
    for side in [-1.0, 1.0] {
        let x = look.turn + side * 14.0;
        let brow = [(x - side * 5.0, -20.0), (x, -21.5), (x + side * 5.0, -19.0)];
        canvas.stroke(&Shape::curve(&brow), colour, 2.6);
    }
}
