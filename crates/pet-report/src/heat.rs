//! Heat maps over photographs.

use pet_image::{Filter, Region, RgbImage, resize};
use pet_model::HeatMap;

use crate::Error;
use crate::canvas::{Align, Canvas, Pen, Text};
use crate::colors::{Color, FAINT_INK, INK, WHITE, inferno};

/// Longer side of the drawn photograph in pixels.
const SIDE: u32 = 640;
/// Height of the caption.
const FOOT: u32 = 66;
/// Minimum width, which the caption needs.
const MIN_WIDTH: u32 = 420;
/// Opacity of the heat map at its lowest and highest values.
const COVER: [f32; 2] = [0.42, 0.62];

/// Draws a photograph with a heat map over it, and the class below, as a PNG whose photograph is 640 pixels long.
///
/// The values are interpolated bilinearly. Colours are relative to the highest value, so the brightness of pictures of
/// different classes cannot be compared; negative values count as 0. The photograph outside of the region is faded.
///
/// # Errors
///
/// [`Error::Grid`] for a wrong number of values, [`Error::Picture`] for a photograph without pixels, and
/// [`Error::Font`], [`Error::Canvas`] or [`Error::Encode`] if the picture cannot be made.
pub fn heat_map_png(photograph: &RgbImage, heat: &HeatMap<'_>) -> Result<Vec<u8>, Error> {
    let expected = heat.width.saturating_mul(heat.height);
    if expected == 0 || heat.values.len() != expected {
        return Err(Error::Grid { width: heat.width, height: heat.height, got: heat.values.len() });
    }
    let scale = SIDE as f32 / photograph.width().max(photograph.height()).max(1) as f32;
    let extent = |extent: u32| (extent as f32 * scale).round().max(1.0) as u32;
    let (width, height) = (extent(photograph.width()), extent(photograph.height()));
    let mut picture = resize(photograph, width, height, Filter::Lanczos)
        .map_err(|source| Error::Picture { source })?;
    let region = scaled(heat.region, scale);
    paint(&mut picture, heat, region);

    let mut canvas = Canvas::new(width.max(MIN_WIDTH), height + FOOT)?;
    let left = (width.max(MIN_WIDTH) - width) / 2;
    canvas.photograph(&picture, (left, 0));
    if region.width < width as f32 - 1.0 || region.height < height as f32 - 1.0 {
        draw_frame(&mut canvas, region, left as f32);
    }
    draw_caption(&mut canvas, heat, height as f32);
    canvas.photographic_png()
}

fn scaled(region: Region, scale: f32) -> Region {
    Region {
        left: region.left * scale,
        top: region.top * scale,
        width: region.width * scale,
        height: region.height * scale,
    }
}

/// Draws the heat map over the region and fades the rest.
fn paint(picture: &mut RgbImage, heat: &HeatMap<'_>, region: Region) {
    let max = heat.values.iter().copied().fold(0.0, f32::max);
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let across = (x as f32 + 0.5 - region.left) / region.width;
        let down = (y as f32 + 0.5 - region.top) / region.height;
        let own = Color(pixel.0);
        let inside = (0.0..=1.0).contains(&across) && (0.0..=1.0).contains(&down);
        let color = if inside {
            let value = interpolated(heat, across, down).max(0.0);
            let share = if max > 0.0 { value / max } else { 0.0 };
            own.mix(inferno(share), COVER[0] + (COVER[1] - COVER[0]) * share)
        } else {
            own.grey().mix(WHITE, 0.62)
        };
        pixel.0 = color.0;
    }
}

/// The interpolated value at a position in the region, 0 to 1 across and down.
fn interpolated(heat: &HeatMap<'_>, across: f32, down: f32) -> f32 {
    let (left, right, x) = neighbours(across, heat.width);
    let (above, below, y) = neighbours(down, heat.height);
    let cell = |row: usize, column: usize| {
        let value = heat.values.get(row * heat.width + column);
        value.copied().unwrap_or_default()
    };
    let row = |row: usize| cell(row, left) * (1.0 - x) + cell(row, right) * x;
    row(above) * (1.0 - y) + row(below) * y
}

/// The two cells whose centres enclose a position, and the weight of the second.
fn neighbours(position: f32, cells: usize) -> (usize, usize, f32) {
    let last = (cells - 1) as f32;
    let position = (position * cells as f32 - 0.5).clamp(0.0, last);
    let first = position as usize;
    (first, (first + 1).min(cells - 1), position - first as f32)
}

fn draw_frame(canvas: &mut Canvas, region: Region, shift: f32) {
    let (left, top) = (region.left + shift + 0.5, region.top + 0.5);
    let (right, bottom) = (left + region.width - 1.0, top + region.height - 1.0);
    let corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
    canvas.line(&corners, Pen::solid(WHITE, 1.5));
}

/// Draws the class on the left and the colour scale on the right.
fn draw_caption(canvas: &mut Canvas, heat: &HeatMap<'_>, top: f32) {
    let (bar, margin) = (150.0, 14.0);
    let left = canvas.width() - margin - bar;
    let room = left - 2.0 * margin;
    let title = format!("{}  {:.1} %", heat.class, 100.0 * heat.probability);
    canvas.fitted(&title, room, (margin, top + 23.0), Text::new(20.0, INK, Align::Start));
    let faint = |align| Text::new(13.0, FAINT_INK, align);
    let note = if heat.class == heat.answer {
        "the most probable class".to_owned()
    } else {
        let confidence = 100.0 * heat.confidence;
        format!("prediction: {}, {confidence:.1} %", heat.answer)
    };
    canvas.fitted(&note, room, (margin, top + 47.0), faint(Align::Start));
    for step in 0..bar as u16 {
        let color = inferno(f32::from(step) / (bar - 1.0));
        canvas.rectangle((left + f32::from(step), top + 15.0), 1.0, 16.0, color);
    }
    let below = top + 47.0;
    canvas.text("none", (left, below), faint(Align::Start));
    canvas.text("strong support", (left + bar, below), faint(Align::End));
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Region = Region { left: 0.0, top: 0.0, width: 40.0, height: 20.0 };

    fn heat(width: usize, values: &[f32]) -> HeatMap<'_> {
        HeatMap {
            class: "Pug",
            probability: 0.25,
            answer: "Beagle",
            confidence: 0.75,
            width,
            height: 1,
            values,
            region: WHOLE,
        }
    }

    #[test]
    fn between_the_middles_of_two_cells_it_is_their_mean() {
        let heat = heat(2, &[1.0, 3.0]);
        for (across, expected) in [(0.0, 1.0), (0.25, 1.0), (0.5, 2.0), (0.75, 3.0), (1.0, 3.0)] {
            assert!((interpolated(&heat, across, 0.3) - expected).abs() < 1e-6, "{across}");
        }
    }

    #[test]
    fn the_hottest_cell_is_the_lightest_and_the_outside_is_faded() {
        let mut picture = RgbImage::from_pixel(40, 20, [90, 120, 60].into());
        let heat = HeatMap {
            region: Region { left: 10.0, width: 20.0, ..WHOLE },
            ..heat(2, &[-5.0, 3.0])
        };
        paint(&mut picture, &heat, heat.region);
        let sum = |x: u32| {
            let pixel = picture.get_pixel(x, 10).0;
            pixel.iter().map(|&level| u32::from(level)).sum::<u32>()
        };
        assert!(sum(28) > 2 * sum(12), "hot and cold");
        assert!(sum(2) > 540, "outside: {}", sum(2));
        let [red, green, blue] = picture.get_pixel(2, 2).0;
        assert!(red == green && green == blue);
    }

    #[test]
    fn a_grid_that_is_not_filled_is_refused() {
        let error = heat_map_png(&RgbImage::new(4, 4), &heat(3, &[1.0, 2.0])).unwrap_err();
        assert_eq!(error.to_string(), "a heat map of 3x1 cells needs one number per cell, got 2");
    }

    #[test]
    fn any_photograph_is_drawn() {
        for (width, height) in [(1, 1), (1, 900), (900, 1), (64, 48)] {
            let png = heat_map_png(&RgbImage::new(width, height), &heat(1, &[0.0])).unwrap();
            assert!(png.starts_with(b"\x89PNG"));
        }
    }
}
