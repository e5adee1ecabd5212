//! A pair of axes with curves.

use super::axis::{Axis, is_drawable};
use super::canvas::{Align, Canvas, Marker, Pen, Point, Text};
use super::colors::{FAINT_INK, FRAME, GREEN, GRID, INK};

const TICK_TEXT: f32 = 13.0;
const TITLE_TEXT: f32 = 14.5;
/// Markers closer than this many pixels would hide the line.
const MARKER_SPACING: f32 = 10.0;

/// The plot area in pixels.
#[derive(Clone, Copy)]
pub(super) struct Area {
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) width: f32,
    pub(super) height: f32,
}

/// A curve of points: position along the lower axis, and value.
pub(super) struct Series {
    pub(super) values: Vec<(f64, f64)>,
    pub(super) pen: Pen,
    /// Drawn at the points unless they are crowded.
    pub(super) marker: Option<Marker>,
}

pub(super) struct Panel<'a> {
    pub(super) area: Area,
    /// The horizontal axis.
    pub(super) across: &'a Axis,
    pub(super) across_title: &'a str,
    /// The vertical axis; `None` if no value can be drawn.
    pub(super) values: Option<Axis>,
    pub(super) title: &'a str,
}

impl Panel<'_> {
    /// Draws the axes, the curves and a vertical line at `mark`.
    pub(super) fn draw(&self, canvas: &mut Canvas, series: &[Series], mark: Option<f64>) {
        self.draw_across(canvas);
        self.draw_titles(canvas);
        let Some(values) = &self.values else {
            let Area { left, top, width, height } = self.area;
            let style = Text::new(TITLE_TEXT, FAINT_INK, Align::Middle);
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
        let Area { left, top, width, height } = self.area;
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
        let Area { left, top, width, height } = self.area;
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
        let Area { left, top, width, height } = self.area;
        let style = Text::new(TITLE_TEXT, INK, Align::Middle);
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
