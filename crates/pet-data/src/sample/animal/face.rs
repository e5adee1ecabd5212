use super::Look;
use crate::sample::draw::{Canvas, Colour, Point, Shape};

/// A pair of eyes, `apart` from the middle of the face.
pub(super) struct Eyes {
    pub(super) apart: f32,
    pub(super) y: f32,
    pub(super) radii: Point,
    /// Half the width and height of the pupils.
    pub(super) pupil: Point,
    /// What the pupils lie in.
    pub(super) iris: Colour,
}

impl Eyes {
    pub(super) fn draw(&self, canvas: &mut Canvas, look: &Look) {
        for side in [-1.0, 1.0] {
            let center = (look.turn + side * self.apart, self.y);
            if look.eyes_closed {
                self.draw_closed(canvas, look, center);
            } else {
                self.draw_open(canvas, center);
            }
        }
    }

    fn draw_open(&self, canvas: &mut Canvas, (x, y): Point) {
        let (rx, ry) = self.radii;
        let ball = Shape::ellipse((x, y), self.radii);
        canvas.fill_round(&ball, self.iris);
        canvas.fill(
            &Shape::ellipse((x, y + 0.5), self.pupil),
            Colour::hex(0x0e_0c_10),
        );
        canvas.stroke(&ball, Colour::hex(0x16_12_14), 2.4);
        canvas.fill(
            &Shape::ellipse((x - 0.3 * rx, y - 0.35 * ry), (0.26 * rx, 0.26 * ry)),
            Colour::WHITE,
        );
        canvas.fill(
            &Shape::ellipse((x + 0.35 * rx, y + 0.4 * ry), (0.12 * rx, 0.12 * ry)),
            Colour::WHITE,
        );
    }

    fn draw_closed(&self, canvas: &mut Canvas, look: &Look, (x, y): Point) {
        let rx = self.radii.0;
        let lid = Shape::curve(&[(x - rx, y), (x, y + 0.5 * rx), (x + rx, y)]);
        let colour = if look.coat.is_dark() {
            look.coat.lighter(0.5)
        } else {
            look.outline()
        };
        canvas.stroke(&lid, colour, 3.0);
    }
}

/// The mouth: a line down from the nose that parts to both sides.
pub(super) fn mouth(canvas: &mut Canvas, colour: Colour, (x, y): Point, size: f32) {
    canvas.stroke(&Shape::curve(&[(x, y), (x, y + 0.5 * size)]), colour, 2.0);
    for side in [-1.0, 1.0] {
        let corner = [
            (x, y + 0.5 * size),
            (x + side * 0.5 * size, y + 0.85 * size),
            (x + side * size, y + 0.55 * size),
        ];
        canvas.stroke(&Shape::curve(&corner), colour, 2.0);
    }
}
