//! Outlines of text in the embedded font.

use std::sync::LazyLock;

use ab_glyph::{Font as _, FontRef, GlyphId, InvalidFont, OutlineCurve, Point};
use tiny_skia::{Path, PathBuilder};

use crate::Error;

/// See `font/README.md`.
static BYTES: &[u8] = include_bytes!("../font/DejaVuSans-subset.ttf");

static FONT: LazyLock<Result<FontRef<'static>, InvalidFont>> =
    LazyLock::new(|| FontRef::try_from_slice(BYTES));

/// The embedded font.
#[derive(Clone, Copy)]
pub(crate) struct Font {
    font: &'static FontRef<'static>,
    units_per_em: f32,
}

impl Font {
    pub(crate) fn embedded() -> Result<Self, Error> {
        let font = FONT.as_ref().map_err(|_| Error::Font)?;
        Ok(Self { font, units_per_em: font.units_per_em().ok_or(Error::Font)? })
    }

    /// Height of capital letters of `size` pixels per em.
    pub(crate) fn cap_height(size: f32) -> f32 {
        // `OS/2.sCapHeight` of DejaVu Sans is 1493 of 2048 units.
        size * 0.729
    }

    /// Width of a line of text in pixels.
    pub(crate) fn width(self, text: &str, size: f32) -> f32 {
        self.glyphs(text).last().map_or(0.0, |(glyph, start)| {
            (start + self.font.h_advance_unscaled(glyph)) * size / self.units_per_em
        })
    }

    /// Shortens `text` with `…` if it is wider than `width`.
    pub(crate) fn fit(self, text: &str, size: f32, width: f32) -> String {
        if self.width(text, size) <= width {
            return text.to_owned();
        }
        let shortened = |end: usize| format!("{}…", text[..end].trim_end());
        text.char_indices()
            .map(|(end, _)| shortened(end))
            .take_while(|shortened| self.width(shortened, size) <= width)
            .last()
            .unwrap_or_default()
    }

    /// The outline of a line of text from the origin on the baseline, y downwards. `None` if it is blank.
    pub(crate) fn outline(self, text: &str, size: f32) -> Option<Path> {
        let scale = size / self.units_per_em;
        let mut path = PathBuilder::new();
        for (glyph, start) in self.glyphs(text) {
            let place = |point: Point| ((start + point.x) * scale, -point.y * scale);
            let curves = self.font.outline(glyph).map(|outline| outline.curves);
            push_curves(&mut path, &curves.unwrap_or_default(), place);
        }
        path.finish()
    }

    /// The glyphs with their x positions in font units.
    fn glyphs(self, text: &str) -> impl Iterator<Item = (GlyphId, f32)> {
        let mut start = 0.0;
        let mut previous: Option<GlyphId> = None;
        text.chars().map(move |character| {
            let glyph = self.font.glyph_id(character);
            if let Some(previous) = previous {
                start += self.font.h_advance_unscaled(previous)
                    + self.font.kern_unscaled(previous, glyph);
            }
            previous = Some(glyph);
            (glyph, start)
        })
    }
}

/// Adds the contours of a glyph. A new contour starts at each curve that does not start at the end of the previous one.
fn push_curves(
    path: &mut PathBuilder,
    curves: &[OutlineCurve],
    place: impl Fn(Point) -> (f32, f32),
) {
    let mut end: Option<Point> = None;
    for curve in curves {
        let (OutlineCurve::Line(start, _)
        | OutlineCurve::Quad(start, ..)
        | OutlineCurve::Cubic(start, ..)) = *curve;
        if end != Some(start) {
            if end.is_some() {
                path.close();
            }
            let (x, y) = place(start);
            path.move_to(x, y);
        }
        end = Some(push_curve(path, curve, &place));
    }
    if end.is_some() {
        path.close();
    }
}

/// Adds a curve from the current point, and returns its end in font units.
fn push_curve(
    path: &mut PathBuilder,
    curve: &OutlineCurve,
    place: impl Fn(Point) -> (f32, f32),
) -> Point {
    match *curve {
        OutlineCurve::Line(_, end) => {
            let (x, y) = place(end);
            path.line_to(x, y);
            end
        }
        OutlineCurve::Quad(_, control, end) => {
            let ((x1, y1), (x, y)) = (place(control), place(end));
            path.quad_to(x1, y1, x, y);
            end
        }
        OutlineCurve::Cubic(_, first, second, end) => {
            let ((x1, y1), (x2, y2), (x, y)) = (place(first), place(second), place(end));
            path.cubic_to(x1, y1, x2, y2, x, y);
            end
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_are_as_high_as_said_and_text_as_wide() {
        let font = Font::embedded().unwrap();
        let bounds = font.outline("HH", 100.0).unwrap().bounds();
        assert!((bounds.height() - Font::cap_height(100.0)).abs() < 0.1, "{bounds:?}");
        assert!(bounds.bottom().abs() < 0.1, "stands on the baseline: {bounds:?}");
        let width = font.width("HH", 100.0);
        assert!(bounds.right() < width && width < bounds.right() + 20.0, "{width}, {bounds:?}");
    }

    #[test]
    fn letters_that_lean_to_each_other_are_drawn_nearer() {
        let font = Font::embedded().unwrap();
        let apart = font.width("A", 100.0) + font.width("V", 100.0);
        assert!(font.width("AV", 100.0) < apart);
    }

    #[test]
    fn text_that_is_too_wide_ends_in_an_ellipsis() {
        let font = Font::embedded().unwrap();
        assert_eq!(font.fit("Beagle", 10.0, 200.0), "Beagle");
        let fitted = font.fit("Staffordshire Bull Terrier", 10.0, 80.0);
        assert!(fitted.starts_with("Staff") && fitted.ends_with('…'), "{fitted}");
        assert!(font.width(&fitted, 10.0) <= 80.0);
        assert_eq!(font.fit("Beagle", 10.0, 0.0), "");
    }

    #[test]
    fn what_leaves_no_mark_has_no_outline() {
        let font = Font::embedded().unwrap();
        assert!(font.outline(" ", 10.0).is_none());
        assert!(font.outline("", 10.0).is_none());
        assert!(font.outline("猫", 10.0).is_some(), "a box stands for what the font lacks");
    }
}
