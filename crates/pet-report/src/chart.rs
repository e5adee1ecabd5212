//! Line charts: title and legend, and a pair of axes with curves.

use pet_image::Region;

use crate::axis::{Axis, is_drawable};
use crate::canvas::{Align, Canvas, Marker, Pen, Point, Text};
use crate::colors::{FAINT_INK, FRAME, GREEN, GRID, INK};

const TITLE_TEXT: f32 = 20.0;
const LEGEND_TEXT: f32 = 14.5;
/// Length of the sample of a curve.
const SAMPLE: f32 = 34.0;
/// Space between the sample and the name.
const SPACE: f32 = 8.0;
/// Space between two entries.
const GAP: f32 = 36.0;
const TICK_TEXT: f32 = 13.0;
const AXIS_TEXT: f32 = 14.5;
/// Markers closer than this many pixels would hide the line.
const MARKER_SPACING: f32 = 10.0;

/// An entry of the legend.
pub(crate) struct Entry {
    pub(crate) pen: Pen,
    pub(crate) marker: Option<Marker>,
    pub(crate) text: String,
}

/// Draws the title with the legend in one line below.
pub(crate) fn draw_heading(canvas: &mut Canvas, title: &str, legend: &[Entry]) {
    let (middle, y) = (canvas.width() / 2.0, 66.0);
    let style = Text::new(TITLE_TEXT, INK, Align::Middle);
    canvas.fitted(title, canvas.width() - 60.0, (middle, 32.0), style);
    let font = canvas.font();
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

/// A curve of points: position along the lower axis, and value.
pub(crate) struct Series {
    pub(crate) values: Vec<(f64, f64)>,
    pub(crate) pen: Pen,
    /// Drawn at the points unless they are crowded.
    pub(crate) marker: Option<Marker>,
}

pub(crate) struct Panel<'a> {
    /// The plot area in pixels.
    pub(crate) area: Region,
    /// The horizontal axis.
    pub(crate) across: &'a Axis,
    pub(crate) across_title: &'a str,
    /// The vertical axis; `None` if no value can be drawn.
    pub(crate) values: Option<Axis>,
    pub(crate) title: &'a str,
}

impl Panel<'_> {
    /// Draws the axes, the curves and a vertical line at `mark`.
    pub(crate) fn draw(&self, canvas: &mut Canvas, series: &[Series], mark: Option<f64>) {
        self.draw_across(canvas);
        self.draw_titles(canvas);
        let Some(values) = &self.values else {
            let Region { left, top, width, height } = self.area;
            let style = Text::new(AXIS_TEXT, FAINT_INK, Align::Middle);
            canvas.text("no finite values", (left + width / 2.0, top + height / 2.0), style);
            return;
        };
        self.draw_values(canvas, values);
        if let Some(mark) = mark {
            let x = self.x(mark);
            let ends = [(x, self.area.top), (x, self.area.top + self.area.height)];
            canvas.line(&ends, Pen::dashed(GREEN, 1.6));
        }
        for series in series {
            self.draw_series(canvas, values, series);
        }
    }

    /// Grid, ticks and labels along the lower edge.
    fn draw_across(&self, canvas: &mut Canvas) {
        let Region { left, top, width, height } = self.area;
        let bottom = top + height;
        for &tick in &self.across.ticks {
            let x = self.x(tick);
            canvas.line(&[(x, top), (x, bottom)], Pen::solid(GRID, 1.0));
            canvas.line(&[(x, bottom), (x, bottom + 5.0)], Pen::solid(FRAME, 1.0));
            let style = Text::new(TICK_TEXT, FAINT_INK, Align::Middle);
            canvas.text(&self.across.label(tick), (x, bottom + 16.0), style);
        }
        canvas.line(&[(left, bottom), (left + width, bottom)], Pen::solid(FRAME, 1.0));
    }

    /// Grid and labels along the left edge.
    fn draw_values(&self, canvas: &mut Canvas, values: &Axis) {
        let Region { left, top, width, height } = self.area;
        for &tick in &values.ticks {
            let y = self.y(values, tick);
            if y < top + height - 1.0 {
                canvas.line(&[(left, y), (left + width, y)], Pen::solid(GRID, 1.0));
            }
            let style = Text::new(TICK_TEXT, FAINT_INK, Align::End);
            canvas.text(&values.label(tick), (left - 9.0, y), style);
        }
    }

    fn draw_titles(&self, canvas: &mut Canvas) {
        let Region { left, top, width, height } = self.area;
        let style = Text::new(AXIS_TEXT, INK, Align::Middle);
        canvas.text(self.across_title, (left + width / 2.0, top + height + 41.0), style);
        canvas.text(self.title, (left - 62.0, top + height / 2.0), style.rotated(-90.0));
    }

    /// Draws a curve, with gaps for values that cannot be drawn.
    fn draw_series(&self, canvas: &mut Canvas, values: &Axis, series: &Series) {
        let crowded = self.area.width < MARKER_SPACING * series.values.len() as f32;
        let can_draw = |&(_, value): &(f64, f64)| is_drawable(value);
        let runs = series.values.chunk_by(|left, right| can_draw(left) == can_draw(right));
        for run in runs.filter(|run| run.iter().all(can_draw)) {
            let point = |&(across, value): &(f64, f64)| (self.x(across), self.y(values, value));
            let points: Vec<Point> = run.iter().map(point).collect();
            canvas.line(&points, series.pen);
            let marker = series.marker.filter(|_| !crowded || points.len() == 1);
            if let Some(marker) = marker {
                for point in points {
                    canvas.marker(point, 4.6, marker, series.pen.color);
                }
            }
        }
    }

    fn x(&self, across: f64) -> f32 {
        crisp(self.area.left + self.area.width * self.across.position(across))
    }

    fn y(&self, values: &Axis, value: f64) -> f32 {
        crisp(self.area.top + self.area.height * (1.0 - values.position(value)))
    }
}

/// The centre of the nearest pixel, where a thin line is sharpest.
fn crisp(position: f32) -> f32 {
    position.floor() + 0.5
}
