//! Antialiased drawing.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use tiny_skia::{
    ColorU8, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke,
    StrokeDash, Transform,
};

use super::colors::{Color, WHITE};
use super::font::Font;
use crate::Error;

/// A point in pixels from the top left corner.
pub(super) type Point = (f32, f32);

/// A white image to draw on.
pub(super) struct Canvas {
    pixels: Pixmap,
    font: Font,
}

/// The style of a line.
#[derive(Clone, Copy)]
pub(super) struct Pen {
    pub(super) color: Color,
    pub(super) width: f32,
    pub(super) dashed: bool,
}

impl Pen {
    pub(super) const fn solid(color: Color, width: f32) -> Self {
        Self { color, width, dashed: false }
    }

    pub(super) const fn dashed(color: Color, width: f32) -> Self {
        Self { color, width, dashed: true }
    }

    fn stroke(self) -> Stroke {
        let dash = if self.dashed { StrokeDash::new(vec![5.0, 4.0], 0.0) } else { None };
        let line_cap = if self.dashed { LineCap::Butt } else { LineCap::Round };
        Stroke {
            width: self.width,
            dash,
            line_cap,
            line_join: LineJoin::Round,
            ..Stroke::default()
        }
    }
}

/// The style and alignment of a line of text. Vertically, the middle of the capital letters is at the given point.
#[derive(Clone, Copy)]
pub(super) struct Text {
    pub(super) size: f32,
    pub(super) color: Color,
    pub(super) align: Align,
    /// Rotation in degrees clockwise around the given point.
    pub(super) angle: f32,
}

impl Text {
    pub(super) const fn new(size: f32, color: Color, align: Align) -> Self {
        Self { size, color, align, angle: 0.0 }
    }

    pub(super) const fn rotated(self, angle: f32) -> Self {
        Self { angle, ..self }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Align {
    Start,
    Middle,
    End,
}

/// The marker of values on a curve.
#[derive(Clone, Copy)]
pub(super) enum Marker {
    Circle,
    Square,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32) -> Result<Self, Error> {
        let mut pixels = Pixmap::new(width, height).ok_or(Error::Canvas { width, height })?;
        pixels.fill(tiny_skia::Color::WHITE);
        Ok(Self { pixels, font: Font::embedded()? })
    }

    pub(super) fn font(&self) -> Font {
        self.font
    }

    pub(super) fn rectangle(&mut self, (left, top): Point, width: f32, height: f32, color: Color) {
        if let Some(area) = Rect::from_xywh(left, top, width, height) {
            self.pixels.fill_rect(area, &paint(color), Transform::identity(), None);
        }
    }

    /// Draws a line through at least two `points`.
    pub(super) fn line(&mut self, points: &[Point], pen: Pen) {
        let mut path = PathBuilder::new();
        for (index, &(x, y)) in points.iter().enumerate() {
            if index == 0 {
                path.move_to(x, y);
            } else {
                path.line_to(x, y);
            }
        }
        if let Some(path) = path.finish() {
            let identity = Transform::identity();
            self.pixels.stroke_path(&path, &paint(pen.color), &pen.stroke(), identity, None);
        }
    }

    /// Draws a filled marker with a thin white outline, which sets it off from the lines.
    pub(super) fn marker(&mut self, center: Point, radius: f32, marker: Marker, color: Color) {
        if let Some(path) = marker_path(center, radius, marker) {
            self.fill(&path, color, Transform::identity());
            self.outline(&path, Pen::solid(WHITE, 1.0));
        }
    }

    pub(super) fn text(&mut self, text: &str, (x, y): Point, style: Text) {
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

    /// Copies a photograph, cropped to the canvas.
    pub(super) fn photograph(&mut self, photograph: &RgbImage, (left, top): (u32, u32)) {
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

    /// Width in pixels.
    pub(super) fn width(&self) -> f32 {
        self.pixels.width() as f32
    }

    /// Encodes a chart as PNG.
    pub(super) fn png(&self) -> Result<Vec<u8>, Error> {
        // Flat areas compress best without filters: to a third of the size with the defaults.
        self.encode(CompressionType::Best, FilterType::NoFilter)
    }

    /// Encodes a picture with photographs as PNG.
    pub(super) fn photographic_png(&self) -> Result<Vec<u8>, Error> {
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
