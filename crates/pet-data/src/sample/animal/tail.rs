use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Look;
use super::coat::OUTLINE;
use crate::sample::breed::{Markings, Species};
use crate::sample::draw::{Canvas, Point, Shape};

/// A tail from `root` that rises to the right, as its owner carries it.
pub(super) fn raised(canvas: &mut Canvas, look: &Look, root: Point, random: &mut ChaCha8Rng) {
    let swing = random.random_range(-14.0..14.0);
    let points: &[Point] = match (look.breed.species, look.breed.markings) {
        (Species::Cat, _) => &[
            (0.0, 0.0),
            (32.0, 2.0),
            (46.0, -32.0),
            (42.0, -66.0),
            (54.0, -84.0),
        ],
        (Species::Dog, Markings::Mask) => &[
            (0.0, 0.0),
            (30.0, -8.0),
            (48.0, -36.0),
            (36.0, -62.0),
            (18.0, -56.0),
        ],
        (Species::Dog, _) => &[(0.0, 0.0), (26.0, -8.0), (44.0, -34.0), (50.0, -58.0)],
    };
    let place = |&(x, y): &Point| (root.0 + x + swing * y / -80.0, root.1 + y);
    draw(canvas, look, &points.iter().map(place).collect::<Vec<_>>());
}

/// A tail from `root` that lies on the ground and is laid around to the front.
pub(super) fn laid(canvas: &mut Canvas, look: &Look, root: Point, random: &mut ChaCha8Rng) {
    let reach = random.random_range(-14.0..14.0);
    let (x, y) = root;
    draw(
        canvas,
        look,
        &[
            root,
            (x + 26.0, y + 8.0),
            (x + 24.0, 0.0),
            (x - 14.0 + reach, y + 20.0),
        ],
    );
}

fn draw(canvas: &mut Canvas, look: &Look, points: &[Point]) {
    let markings = look.breed.markings;
    let width = match markings {
        Markings::Mask | Markings::Feathers => 19.0,
        Markings::Spots => 10.0,
        _ => 13.0,
    };
    let line = Shape::curve(points);
    let colour = if markings == Markings::Points {
        look.dark
    } else {
        look.coat
    };
    canvas.stroke(&line, look.outline(), width + 2.0 * OUTLINE);
    canvas.stroke(&line, colour, width);
    match markings {
        Markings::Stripes => canvas.stroke_dashed(&line, look.dark, width, (5.0, 9.0)),
        Markings::Spots => canvas.stroke_dashed(&line, look.dark, 0.7 * width, (6.0, 13.0)),
        Markings::Mask | Markings::Feathers => {
            let tip = points
                .get(points.len().saturating_sub(2)..)
                .unwrap_or_default();
            canvas.stroke(
                &Shape::curve(tip),
                look.light.mixed(look.coat, 0.3),
                0.62 * width,
            );
        }
        Markings::Plain | Markings::Points => {}
    }
}
