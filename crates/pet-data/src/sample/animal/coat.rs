use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Look;
use crate::sample::breed::Markings;
use crate::sample::draw::{Canvas, Colour, Point, Shape};

/// Width of the lines around every part.
pub(super) const OUTLINE: f32 = 2.6;

/// Where stripes or spots are put: the middle of a part, and how far it reaches from there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) center: Point,
    pub(super) reach: Point,
}

/// A part that is covered by the coat, with its outline but without markings.
pub(super) fn part(canvas: &mut Canvas, look: &Look, shape: &Shape, colour: Colour) {
    canvas.fill_round(shape, colour);
    canvas.stroke(shape, look.outline(), OUTLINE);
}

/// The trunk with its markings; `under` is its lighter underside, if seen.
pub(super) fn trunk(
    canvas: &mut Canvas,
    look: &Look,
    shape: &Shape,
    extent: Extent,
    under: Option<&Shape>,
    random: &mut ChaCha8Rng,
) {
    canvas.fill_round(shape, look.coat);
    canvas.clipped(shape, |canvas| {
        match look.breed.markings {
            Markings::Stripes => stripes(canvas, look, extent, random),
            Markings::Spots => spots(canvas, look, extent, &[], random),
            _ => {}
        }
        if let Some(under) = under {
            let opacity = if look.breed.markings == Markings::Points {
                0.4
            } else {
                0.9
            };
            canvas.tint(under, look.light, opacity);
        }
    });
    canvas.stroke(shape, look.outline(), OUTLINE);
}

/// Bands from the back down, over the whole width.
fn stripes(canvas: &mut Canvas, look: &Look, extent: Extent, random: &mut ChaCha8Rng) {
    let Extent { center, reach } = extent;
    let spacing = random.random_range(15.0..20.0);
    let count = (2.0 * reach.0 / spacing) as i32;
    for index in 0..=count {
        let x = center.0 - reach.0 + spacing * (index as f32 + random.random_range(-0.15..0.15));
        let length = reach.1 * random.random_range(0.7..1.1);
        let top = center.1 - reach.1;
        let line = [
            (x - 2.0, top),
            (x + 3.0, top + 0.5 * length),
            (x, top + length),
        ];
        canvas.stroke(
            &Shape::curve(&line),
            look.dark,
            random.random_range(4.5..6.5),
        );
    }
}

/// Spots of all sizes that keep their distance from one another and from `free` places.
pub(super) fn spots(
    canvas: &mut Canvas,
    look: &Look,
    extent: Extent,
    free: &[Point],
    random: &mut ChaCha8Rng,
) {
    let Extent { center, reach } = extent;
    let mut placed: Vec<Point> = free.to_vec();
    for _ in 0..90 {
        let x = center.0 + reach.0 * random.random_range(-1.0..1.0);
        let y = center.1 + reach.1 * random.random_range(-1.0..1.0);
        if placed
            .iter()
            .any(|other| (other.0 - x).hypot(other.1 - y) < 15.0)
        {
            continue;
        }
        placed.push((x, y));
        let radius: f32 = random.random_range(3.0..6.5);
        let radii = (radius * random.random_range(0.8..1.3), radius);
        let spot = Shape::ellipse((x, y), radii).turned(random.random_range(0.0..180.0), (x, y));
        canvas.fill(&spot, look.dark);
    }
}

/// A leg from the first to the last point, with its paw; `far` legs stand behind the body.
pub(super) fn leg(
    canvas: &mut Canvas,
    look: &Look,
    points: &[Point],
    width: f32,
    far: bool,
    random: &mut ChaCha8Rng,
) {
    let (colour, paw_colour) = leg_colours(look);
    let shade = |colour: Colour| if far { colour.darker(0.22) } else { colour };
    let line = Shape::curve(points);
    canvas.stroke(&line, look.outline(), width + 2.0 * OUTLINE);
    canvas.stroke(&line, shade(colour), width);
    match look.breed.markings {
        Markings::Stripes => canvas.stroke_dashed(&line, look.dark, width, (4.0, 9.0)),
        Markings::Spots => leg_spots(canvas, look, points, random),
        _ => {}
    }
    if let Some(&(x, y)) = points.last() {
        let paw = Shape::ellipse((x - 3.0, y + 2.0), (0.72 * width, 0.44 * width));
        part(canvas, look, &paw, shade(paw_colour));
        for toe in [-4.5, 1.0] {
            let line = Shape::curve(&[(x - 3.0 + toe, y + 3.0), (x - 3.0 + toe, y + 7.0)]);
            canvas.stroke(&line, look.outline(), 1.6);
        }
    }
}

/// The colours of a leg and of its paw.
fn leg_colours(look: &Look) -> (Colour, Colour) {
    match look.breed.markings {
        Markings::Points => (look.dark.mixed(look.coat, 0.25), look.dark),
        Markings::Mask => (look.light.darker(0.04), look.light),
        Markings::Stripes => (look.coat, look.light),
        Markings::Spots | Markings::Plain => (look.coat, look.coat),
        Markings::Feathers => (look.coat, look.light.mixed(look.coat, 0.5)),
    }
}

fn leg_spots(canvas: &mut Canvas, look: &Look, points: &[Point], random: &mut ChaCha8Rng) {
    for window in points.windows(2) {
        let &[from, to] = window else { continue };
        for share in [0.25, 0.7] {
            let x = from.0 + share * (to.0 - from.0) + random.random_range(-4.0..4.0);
            let y = from.1 + share * (to.1 - from.1) + random.random_range(-3.0..3.0);
            canvas.fill(&Shape::ellipse((x, y), (3.2, 2.8)), look.dark);
        }
    }
}
