//! Antialiased drawing.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use tiny_skia::{
    ColorU8, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke,
    StrokeDash, Transform,
};

use crate::Error;
use crate::colors::{Color, WHITE};
use crate::font::Font;

/// A point in pixels from the top left corner.
pub(crate) type Point = (f32, f32);

/// A white image to draw on.
pub(crate) struct Canvas {
    pixels: Pixmap,
    font: Font,
}

/// The style of a line.
#[derive(Clone, Copy)]
pub(crate) struct Pen {
    pub(crate) color: Color,
    pub(crate) width: f32,
    pub(crate) dashed: bool,
}

impl Pen {
    pub(crate) const fn solid(color: Color, width: f32) -> Self {
        Self { color, width, dashed: false }
    }

    pub(crate) const fn dashed(color: Color, width: f32) -> Self {
        Self { color, width, dashed: true }
    }

    fn stroke(self) -> Stroke {
        let (dash, line_cap) = if self.dashed {
            (StrokeDash::new(vec![5.0, 4.0], 0.0), LineCap::Butt)
        } else {
            (None, LineCap::Round)
        };
        let line_join = LineJoin::Round;
        Stroke { width: self.width, dash, line_cap, line_join, ..Stroke::default() }
    }
}

/// The style and alignment of a line of text. Vertically, the middle of the capital letters is at the given point.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    pub(crate) size: f32,
    pub(crate) color: Color,
    pub(crate) align: Align,
    /// Rotation in degrees clockwise around the given point.
    pub(crate) angle: f32,
}

impl Text {
    pub(crate) const fn new(size: f32, color: Color, align: Align) -> Self {
        Self { size, color, align, angle: 0.0 }
    }

    pub(crate) const fn rotated(self, angle: f32) -> Self {
        Self { angle, ..self }
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Align {
    Start,
    Middle,
    End,
}

/// The marker of values on a curve.
#[derive(Clone, Copy)]
pub(crate) enum Marker {
    Circle,
    Square,
}

impl Canvas {
    pub(crate) fn new(width: u32, height: u32) -> Result<Self, Error> {
        let mut pixels = Pixmap::new(width, height).ok_or(Error::Canvas { width, height })?;
        pixels.fill(tiny_skia::Color::WHITE);
        Ok(Self { pixels, font: Font::embedded()? })
    }

    /// Width in pixels.
    pub(crate) fn width(&self) -> f32 {
        self.pixels.width() as f32
    }

    pub(crate) fn font(&self) -> Font {
        self.font
    }

    pub(crate) fn rectangle(&mut self, (left, top): Point, width: f32, height: f32, color: Color) {
        if let Some(area) = Rect::from_xywh(left, top, width, height) {
            self.pixels.fill_rect(area, &paint(color), Transform::identity(), None);
        }
    }

    /// Draws a line through at least two `points`.
    pub(crate) fn line(&mut self, points: &[Point], pen: Pen) {
        let mut path = PathBuilder::new();
        for (index, &(x, y)) in points.iter().enumerate() {
            if index == 0 {
                path.move_to(x, y);
            } else {
                path.line_to(x, y);
            }
        }
        if let Some(path) = path.finish() {
            self.outline(&path, pen);
        }
    }

    /// Draws a filled marker with a thin white outline, which sets it off from the lines.
    pub(crate) fn marker(&mut self, center: Point, radius: f32, marker: Marker, color: Color) {
        if let Some(path) = marker_path(center, radius, marker) {
            self.fill(&path, color, Transform::identity());
            self.outline(&path, Pen::solid(WHITE, 1.0));
        }
    }

    pub(crate) fn text(&mut self, text: &str, (x, y): Point, style: Text) {
        let Some(path) = self.font.outline(text, style.size) else {
            return;
        };
        let width = self.font.width(text, style.size);
        let start = match style.align {
            Align::Start => 0.0,
            Align::Middle => -width / 2.0,
            Align::End => -width,
        };
        let transform = Transform::from_translate(start, Font::cap_height(style.size) / 2.0)
            .post_rotate(style.angle)
            .post_translate(x, y);
        self.fill(&path, style.color, transform);
    }

    /// Draws a text that is shortened if it is wider than `room`.
    pub(crate) fn fitted(&mut self, text: &str, room: f32, point: Point, style: Text) {
        let text = self.font.fit(text, style.size, room);
        self.text(&text, point, style);
    }

    /// Copies a photograph, cropped to the canvas.
    pub(crate) fn photograph(&mut self, photograph: &RgbImage, (left, top): (u32, u32)) {
        let (width, height) = (self.pixels.width(), self.pixels.height());
        for (x, y, pixel) in photograph.enumerate_pixels() {
            let (x, y) = (left + x, top + y);
            if x < width && y < height {
                let [red, green, blue] = pixel.0;
                let index = (y * width + x) as usize;
                self.pixels.pixels_mut()[index] =
                    ColorU8::from_rgba(red, green, blue, 255).premultiply();
            }
        }
    }

    /// Encodes a chart as PNG.
    pub(crate) fn png(&self) -> Result<Vec<u8>, Error> {
        // Flat areas compress best without filters: to a third of the size with the defaults.
        self.encode(CompressionType::Best, FilterType::NoFilter)
    }

    /// Encodes a picture with photographs as PNG.
    pub(crate) fn photographic_png(&self) -> Result<Vec<u8>, Error> {
        self.encode(CompressionType::Default, FilterType::Adaptive)
    }

    fn encode(&self, compression: CompressionType, filter: FilterType) -> Result<Vec<u8>, Error> {
        let levels = self.pixels.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]);
        let levels: Vec<u8> = levels.collect();
        let mut bytes = Vec::new();
        PngEncoder::new_with_quality(&mut bytes, compression, filter)
            .write_image(
                &levels,
                self.pixels.width(),
                self.pixels.height(),
                ExtendedColorType::Rgb8,
            )
            .map_err(|source| Error::Encode { source: source.into() })?;
        Ok(bytes)
    }

    fn fill(&mut self, path: &Path, color: Color, transform: Transform) {
        self.pixels.fill_path(path, &paint(color), FillRule::Winding, transform, None);
    }

    fn outline(&mut self, path: &Path, pen: Pen) {
        let identity = Transform::identity();
        self.pixels.stroke_path(path, &paint(pen.color), &pen.stroke(), identity, None);
    }
}

fn paint(color: Color) -> Paint<'static> {
    let mut paint = Paint::default();
    let [red, green, blue] = color.0;
    paint.set_color_rgba8(red, green, blue, 255);
    paint.anti_alias = true;
    paint
}

fn marker_path((x, y): Point, radius: f32, marker: Marker) -> Option<Path> {
    match marker {
        Marker::Circle => PathBuilder::from_circle(x, y, radius),
        Marker::Square => {
            // About the same area as the circle.
            let side = radius * 1.77;
            Rect::from_xywh(x - side / 2.0, y - side / 2.0, side, side).map(PathBuilder::from_rect)
        }
    }
}
