use tiny_skia::{
    FillRule, GradientStop, LineCap, LineJoin, LinearGradient, Mask, Paint, Pixmap, RadialGradient,
    Shader, SpreadMode, Stroke, StrokeDash, Transform,
};

use super::{Colour, Point, Shape};

/// The side of the picture in the units of drawing, whatever its size in pixels.
pub(in crate::sample) const SIDE: f32 = 256.0;

/// A square picture to draw on, with a current place and a current clip.
pub(in crate::sample) struct Canvas {
    pixels: Pixmap,
    place: Transform,
    clip: Option<Mask>,
}

impl Canvas {
    /// A black picture of `size` by `size` pixels; nothing for a size that cannot be.
    pub(in crate::sample) fn new(size: u32) -> Option<Self> {
        let scale = size as f32 / SIDE;
        Some(Self {
            pixels: Pixmap::new(size, size)?,
            place: Transform::from_scale(scale, scale),
            clip: None,
        })
    }

    /// Red, green, blue and opacity of every pixel, row by row.
    pub(in crate::sample) fn pixels(&self) -> impl Iterator<Item = [u8; 4]> {
        self.pixels.pixels().iter().map(|pixel| {
            let colour = pixel.demultiply();
            [colour.red(), colour.green(), colour.blue(), colour.alpha()]
        })
    }

    /// Draws with the origin at `at`, everything `scale` times as large and turned by `degrees`.
    /// A negative horizontal scale mirrors.
    pub(in crate::sample) fn placed(
        &mut self,
        at: Point,
        scale: Point,
        degrees: f32,
        draw: impl FnOnce(&mut Self),
    ) {
        let before = self.place;
        let turn = Transform::from_rotate(degrees);
        self.place = before
            .pre_concat(Transform::from_translate(at.0, at.1))
            .pre_concat(turn)
            .pre_concat(Transform::from_scale(scale.0, scale.1));
        draw(self);
        self.place = before;
    }

    /// Draws only where `shape` is.
    pub(in crate::sample) fn clipped(&mut self, shape: &Shape, draw: impl FnOnce(&mut Self)) {
        let Some(path) = shape.path() else { return };
        let before = self.clip.take();
        let mask = match before.clone() {
            Some(mut mask) => {
                mask.intersect_path(path, FillRule::Winding, true, self.place);
                Some(mask)
            }
            None => Mask::new(self.pixels.width(), self.pixels.height()).map(|mut mask| {
                mask.fill_path(path, FillRule::Winding, true, self.place);
                mask
            }),
        };
        self.clip = mask;
        draw(self);
        self.clip = before;
    }

    pub(in crate::sample) fn fill(&mut self, shape: &Shape, colour: Colour) {
        self.fill_with(shape, Shader::SolidColor(colour.with_opacity(1.0)));
    }

    /// Fills so that what is below shines through; `opacity` from 0 to 1.
    pub(in crate::sample) fn tint(&mut self, shape: &Shape, colour: Colour, opacity: f32) {
        self.fill_with(shape, Shader::SolidColor(colour.with_opacity(opacity)));
    }

    /// Fills as if lit from the upper left.
    pub(in crate::sample) fn fill_round(&mut self, shape: &Shape, colour: Colour) {
        let Some(bounds) = shape.path().map(tiny_skia::Path::bounds) else {
            return;
        };
        let light = (
            bounds.left() + 0.35 * bounds.width(),
            bounds.top() + 0.25 * bounds.height(),
        );
        let radius = bounds.width().max(bounds.height());
        let stops = [
            (0.0, colour.lighter(0.18)),
            (0.45, colour),
            (1.0, colour.darker(0.3)),
        ];
        let center = tiny_skia::Point::from_xy(light.0, light.1);
        let shader = RadialGradient::new(
            center,
            center,
            radius,
            gradient_stops(&stops),
            SpreadMode::Pad,
            Transform::identity(),
        );
        self.fill_with(
            shape,
            shader.unwrap_or(Shader::SolidColor(colour.with_opacity(1.0))),
        );
    }

    /// Fills with a change of colour from `from` to `to`.
    pub(in crate::sample) fn fill_blend(
        &mut self,
        shape: &Shape,
        (from, first): (Point, Colour),
        (to, last): (Point, Colour),
    ) {
        let shader = LinearGradient::new(
            tiny_skia::Point::from_xy(from.0, from.1),
            tiny_skia::Point::from_xy(to.0, to.1),
            gradient_stops(&[(0.0, first), (1.0, last)]),
            SpreadMode::Pad,
            Transform::identity(),
        );
        self.fill_with(
            shape,
            shader.unwrap_or(Shader::SolidColor(first.with_opacity(1.0))),
        );
    }

    /// A line along the shape, with round ends.
    pub(in crate::sample) fn stroke(&mut self, shape: &Shape, colour: Colour, width: f32) {
        self.stroke_with(shape, colour, &round_stroke(width));
    }

    /// A broken line along the shape: `dash` long, then nothing for `gap`.
    pub(in crate::sample) fn stroke_dashed(
        &mut self,
        shape: &Shape,
        colour: Colour,
        width: f32,
        (dash, gap): (f32, f32),
    ) {
        let dash = StrokeDash::new(vec![dash, gap], dash);
        let stroke = Stroke {
            dash,
            line_cap: LineCap::Butt,
            ..round_stroke(width)
        };
        self.stroke_with(shape, colour, &stroke);
    }

    fn stroke_with(&mut self, shape: &Shape, colour: Colour, stroke: &Stroke) {
        let Some(path) = shape.path() else { return };
        let paint = solid(Shader::SolidColor(colour.with_opacity(1.0)));
        self.pixels
            .stroke_path(path, &paint, stroke, self.place, self.clip.as_ref());
    }

    fn fill_with(&mut self, shape: &Shape, shader: Shader<'_>) {
        let Some(path) = shape.path() else { return };
        let clip = self.clip.as_ref();
        self.pixels
            .fill_path(path, &solid(shader), FillRule::Winding, self.place, clip);
    }
}

fn solid(shader: Shader<'_>) -> Paint<'_> {
    Paint {
        shader,
        anti_alias: true,
        ..Paint::default()
    }
}

fn round_stroke(width: f32) -> Stroke {
    Stroke {
        width,
        line_cap: LineCap::Round,
        line_join: LineJoin::Round,
        ..Stroke::default()
    }
}

fn gradient_stops(stops: &[(f32, Colour)]) -> Vec<GradientStop> {
    let stop =
        |&(position, colour): &(f32, Colour)| GradientStop::new(position, colour.with_opacity(1.0));
    stops.iter().map(stop).collect()
}
