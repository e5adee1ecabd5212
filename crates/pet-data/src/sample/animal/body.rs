use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::coat::{self, Extent};
use super::{Look, head, tail};
use crate::sample::breed::{Markings, Species};
use crate::sample::draw::{Canvas, Colour, Shape};

pub(super) fn sitting(canvas: &mut Canvas, look: &Look, random: &mut ChaCha8Rng) {
    tail::raised(canvas, look, (26.0, -14.0), random);
    let wide = |x: f32| x * look.girth;
    let outline = [
        (0.0, -114.0),
        (wide(22.0), -104.0),
        (wide(30.0), -70.0),
        (wide(42.0), -32.0),
        (wide(38.0), -4.0),
        (0.0, 0.0),
    ];
    let extent = Extent {
        center: (0.0, -52.0),
        reach: (46.0, 52.0),
    };
    let chest = Shape::ellipse((0.0, -66.0), (wide(18.0), 34.0));
    coat::trunk(
        canvas,
        look,
        &Shape::symmetric(&outline),
        extent,
        Some(&chest),
        random,
    );

    for side in [-1.0, 1.0] {
        let haunch = Shape::ellipse((side * wide(34.0), -18.0), (17.0, 20.0));
        let spots = Extent {
            center: (side * wide(34.0), -18.0),
            reach: (14.0, 16.0),
        };
        coat::trunk(canvas, look, &haunch, spots, None, random);
    }
    for side in [-1.0, 1.0] {
        let x = side * wide(13.0);
        coat::leg(
            canvas,
            look,
            &[(x, -56.0), (x, -30.0), (x + side, -8.0)],
            17.0,
            false,
            random,
        );
    }
    if look.breed.markings == Markings::Feathers {
        fringe(canvas, look, -70.0);
    }
    collar(canvas, look, (0.0, -100.0), wide(25.0));
    head(canvas, look, (0.0, -134.0), 1.08, random);
}

pub(super) fn standing(canvas: &mut Canvas, look: &Look, random: &mut ChaCha8Rng) {
    tail::raised(canvas, look, (60.0, -84.0), random);
    let step = random.random_range(-9.0..9.0);
    for (x, step) in [(-28.0, step), (50.0, -step)] {
        let points = [(x, -56.0), (x + 0.5 * step, -30.0), (x + step, -12.0)];
        coat::leg(canvas, look, &points, 16.0, true, random);
    }
    let fat = 40.0 * (look.girth - 1.0);
    let trunk = Shape::smooth(&[
        (-48.0, -100.0),
        (0.0, -98.0),
        (52.0, -98.0),
        (70.0, -78.0),
        (60.0, -52.0),
        (8.0, -42.0 + fat),
        (-44.0, -46.0),
        (-62.0, -74.0),
    ]);
    let extent = Extent {
        center: (4.0, -70.0),
        reach: (68.0, 32.0),
    };
    let belly = Shape::ellipse((0.0, -40.0), (66.0, 13.0));
    coat::trunk(canvas, look, &trunk, extent, Some(&belly), random);

    for (x, step) in [(-44.0, -step), (40.0, step)] {
        let points = [(x, -60.0), (x + 0.5 * step, -32.0), (x + step, -8.0)];
        coat::leg(canvas, look, &points, 17.0, false, random);
    }
    collar(canvas, look, (-50.0, -92.0), 27.0);
    head(canvas, look, (-58.0, -124.0), 1.0, random);
}

pub(super) fn lying(canvas: &mut Canvas, look: &Look, random: &mut ChaCha8Rng) {
    let cat = look.breed.species == Species::Cat;
    if !cat {
        tail::raised(canvas, look, (70.0, -24.0), random);
    }
    coat::leg(
        canvas,
        look,
        &[(-20.0, -22.0), (-58.0, -12.0), (-76.0, -9.0)],
        16.0,
        true,
        random,
    );
    let trunk = Shape::smooth(&[
        (-52.0, -50.0),
        (-24.0, -66.0),
        (12.0, -62.0),
        (52.0, -66.0),
        (84.0, -40.0),
        (82.0, -8.0),
        (20.0, 0.0),
        (-44.0, -2.0),
        (-60.0, -22.0),
    ]);
    let extent = Extent {
        center: (10.0, -34.0),
        reach: (76.0, 34.0),
    };
    let belly = Shape::ellipse((-8.0, 0.0), (54.0, 11.0));
    coat::trunk(canvas, look, &trunk, extent, Some(&belly), random);

    let thigh = Shape::ellipse((56.0, -22.0), (25.0, 22.0));
    let spots = Extent {
        center: (56.0, -22.0),
        reach: (20.0, 18.0),
    };
    coat::trunk(canvas, look, &thigh, spots, None, random);
    coat::leg(
        canvas,
        look,
        &[(58.0, -8.0), (40.0, -6.0), (26.0, -5.0)],
        14.0,
        false,
        random,
    );
    coat::leg(
        canvas,
        look,
        &[(-34.0, -18.0), (-60.0, -8.0), (-84.0, -4.0)],
        16.0,
        false,
        random,
    );
    if cat {
        tail::laid(canvas, look, (72.0, -20.0), random);
    }
    collar(canvas, look, (-44.0, -52.0), 26.0);
    head(canvas, look, (-50.0, -86.0), 1.04, random);
}

pub(super) fn portrait(canvas: &mut Canvas, look: &Look, random: &mut ChaCha8Rng) {
    let wide = |x: f32| x * look.girth;
    let shoulders = Shape::symmetric(&[
        (0.0, -82.0),
        (wide(34.0), -66.0),
        (wide(64.0), -4.0),
        (wide(70.0), 70.0),
        (0.0, 90.0),
    ]);
    let extent = Extent {
        center: (0.0, -20.0),
        reach: (70.0, 62.0),
    };
    let chest = Shape::ellipse((0.0, 0.0), (wide(30.0), 58.0));
    coat::trunk(canvas, look, &shoulders, extent, Some(&chest), random);
    if look.breed.markings == Markings::Feathers {
        fringe(canvas, look, -30.0);
    }
    collar(canvas, look, (0.0, -62.0), wide(36.0));
    head(canvas, look, (0.0, -112.0), 1.45, random);
}

/// A collar below the head, with a tag.
fn collar(canvas: &mut Canvas, look: &Look, (x, y): (f32, f32), half_width: f32) {
    let Some(colour) = look.collar else { return };
    let band = Shape::curve(&[
        (x - half_width, y - 3.0),
        (x, y + 6.0),
        (x + half_width, y - 3.0),
    ]);
    canvas.stroke(&band, colour.darker(0.5), 9.5);
    canvas.stroke(&band, colour, 6.5);
    let tag = Shape::ellipse((x, y + 13.0), (5.0, 5.5));
    canvas.fill(&tag, Colour::hex(0xf4_d0_50));
    canvas.stroke(&tag, colour.darker(0.6), 1.5);
}

/// Long hair in strands on the chest, around the height `y`.
fn fringe(canvas: &mut Canvas, look: &Look, y: f32) {
    for (x, length) in [(-14.0, 16.0), (-5.0, 24.0), (5.0, 24.0), (14.0, 16.0)] {
        let strand = [(x, y - 14.0), (0.85 * x, y), (0.5 * x, y + length)];
        canvas.stroke(
            &Shape::curve(&strand),
            look.dark.mixed(look.light, 0.45),
            2.2,
        );
    }
}
