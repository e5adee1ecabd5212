//! The title and legend of a chart.

use super::canvas::{Align, Canvas, Marker, Pen, Text};
use super::colors::INK;

const TITLE_TEXT: f32 = 20.0;
const LEGEND_TEXT: f32 = 14.5;
/// Length of the sample of a curve.
const SAMPLE: f32 = 34.0;
/// Space between the sample and the name.
const SPACE: f32 = 8.0;
/// Space between two entries.
const GAP: f32 = 36.0;

/// An entry of the legend.
pub(super) struct Entry {
    pub(super) pen: Pen,
    pub(super) marker: Option<Marker>,
    pub(super) text: String,
}

/// Draws the title with the legend in one line below.
pub(super) fn draw(canvas: &mut Canvas, title: &str, legend: &[Entry]) {
    let (middle, y) = (canvas.width() / 2.0, 66.0);
    let font = canvas.font();
    let title = font.fit(title, TITLE_TEXT, canvas.width() - 60.0);
    let style = Text::new(TITLE_TEXT, INK, Align::Middle);
    canvas.text(&title, (middle, 32.0), style);
    let width = |entry: &Entry| SAMPLE + SPACE + font.width(&entry.text, LEGEND_TEXT);
    let total = legend.iter().map(width).sum::<f32>() + GAP * (legend.len() - 1) as f32;
    let mut x = middle - total / 2.0;
    for entry in legend {
        canvas.line(&[(x, y), (x + SAMPLE, y)], entry.pen);
        if let Some(marker) = entry.marker {
            canvas.marker((x + SAMPLE / 2.0, y), 4.6, marker, entry.pen.color);
        }
        let style = Text::new(LEGEND_TEXT, INK, Align::Start);
        canvas.text(&entry.text, (x + SAMPLE + SPACE, y), style);
        x += width(entry) + GAP;
    }
}
