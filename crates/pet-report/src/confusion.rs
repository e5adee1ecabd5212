//! Confusion matrices and their chart.

use std::cmp::Reverse;

use crate::Error;
use crate::canvas::{Align, Canvas, Pen, Text};
use crate::colors::{BLUE, Color, EMPTY, FAINT_INK, FRAME, INK, VERMILION};
use crate::font::Font;
use crate::measure::{check, top_class};

/// With more, names would not be legible and the picture enormous.
const MAX_CLASSES: usize = 200;
const TITLE_TEXT: f32 = 20.0;
const NOTE_TEXT: f32 = 14.0;
const TOP: f32 = 122.0;

/// The number of images for each pair of actual and predicted class.
///
/// ```
/// use pet_report::ConfusionMatrix;
///
/// let probabilities = [vec![0.9, 0.1], vec![0.8, 0.2], vec![0.3, 0.7]];
/// let matrix = ConfusionMatrix::new(&probabilities, &[0, 1, 1], 2)?;
/// assert_eq!(matrix.row(1), [1, 1]);
/// assert_eq!(matrix.worst(5)[0].predicted, 0);
/// # Ok::<(), pet_report::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    classes: usize,
    /// `[actual, predicted]`, row by row.
    counts: Vec<usize>,
}

/// A pair of classes that are confused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// Index of the actual class.
    pub actual: usize,
    /// Index of the predicted class.
    pub predicted: usize,
    /// Number of images.
    pub count: usize,
}

impl ConfusionMatrix {
    /// Counts the most probable class of each image, the first of equal ones. `probabilities` has one row of `classes`
    /// values per image, `labels` the images' class indices.
    ///
    /// # Errors
    ///
    /// Those of [`measure`](crate::measure()) for rows and labels.
    pub fn new(
        probabilities: &[Vec<f32>],
        labels: &[usize],
        classes: usize,
    ) -> Result<Self, Error> {
        check(probabilities, labels, classes)?;
        let mut counts = vec![0; classes * classes];
        for (values, label) in probabilities.iter().zip(labels) {
            counts[label * classes + top_class(values)] += 1;
        }
        Ok(Self { classes, counts })
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of images.
    pub fn images(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Number of correctly classified images.
    pub fn hits(&self) -> usize {
        self.rows().enumerate().map(|(class, row)| row[class]).sum()
    }

    /// The number of images of class `actual` by predicted class; empty for an invalid index.
    pub fn row(&self, actual: usize) -> &[usize] {
        self.rows().nth(actual).unwrap_or_default()
    }

    /// The rows, in the order of the classes.
    pub fn rows(&self) -> impl Iterator<Item = &[usize]> {
        self.counts.chunks_exact(self.classes)
    }

    /// The `limit` most frequent confusions; equally frequent ones in the order of the classes.
    pub fn worst(&self, limit: usize) -> Vec<Confusion> {
        let mut mistakes: Vec<Confusion> = self
            .rows()
            .enumerate()
            .flat_map(|(actual, row)| {
                row.iter().enumerate().map(move |(predicted, &count)| Confusion {
                    actual,
                    predicted,
                    count,
                })
            })
            .filter(|mistake| mistake.count > 0 && mistake.actual != mistake.predicted)
            .collect();
        mistakes.sort_by_key(|mistake| Reverse(mistake.count));
        mistakes.truncate(limit);
        mistakes
    }
}

/// Draws a confusion matrix as a PNG, of about 1200 by 1200 pixels for 37 classes.
///
/// Rows are actual classes, columns predicted ones. Cells have their count, where it fits, and a colour by their share of
/// the row: blue for correct predictions, vermilion for mistakes. Each row ends with the recall of the class. Long names
/// are shortened.
///
/// # Errors
///
/// [`Error::NameCount`] unless there is a name for each class, [`Error::TooManyClasses`] for more than 200, and
/// [`Error::Font`], [`Error::Canvas`] or [`Error::Encode`] if the picture cannot be made.
pub fn confusion_matrix_png(
    matrix: &ConfusionMatrix,
    classes: &[String],
    title: &str,
) -> Result<Vec<u8>, Error> {
    if matrix.classes() != classes.len() {
        return Err(Error::NameCount { expected: matrix.classes(), got: classes.len() });
    }
    if classes.len() > MAX_CLASSES {
        return Err(Error::TooManyClasses { limit: MAX_CLASSES, got: classes.len() });
    }
    let layout = Layout::new(classes, Font::embedded()?);
    let mut canvas = Canvas::new(layout.width as u32, layout.height as u32)?;
    layout.draw_title(&mut canvas, title, matrix);
    layout.draw_scales(&mut canvas);
    layout.draw_names(&mut canvas);
    for (actual, row) in matrix.rows().enumerate() {
        layout.draw_row(&mut canvas, actual, row);
    }
    canvas.png()
}

/// Positions and sizes in pixels.
struct Layout {
    width: f32,
    height: f32,
    /// Left edge of the first column.
    left: f32,
    cell: f32,
    /// Font size of the class names.
    text: f32,
    /// The shortened class names.
    names: Vec<String>,
    /// Width of the widest name.
    widest: f32,
}

impl Layout {
    fn new(classes: &[String], font: Font) -> Self {
        let cell = (960.0 / classes.len() as f32).clamp(12.0, 120.0).floor();
        let text = (cell * 0.56).clamp(8.5, 15.0);
        let names: Vec<String> = classes.iter().map(|name| font.fit(name, text, 210.0)).collect();
        let widest = names.iter().map(|name| font.width(name, text)).fold(0.0, f32::max);
        let side = cell * classes.len() as f32;
        // Class names and axis title on the left, recall on the right.
        let (before, after) = ((widest + 56.0).ceil(), 66.0);
        let width = (before + side + after).max(720.0);
        let left = before + ((width - before - side - after) / 2.0).floor();
        // The names below are rotated by 45 degrees.
        let height = (TOP + side + widest * 0.71 + text + 52.0).ceil();
        Self { width, height, left, cell, text, names, widest }
    }

    fn side(&self) -> f32 {
        self.cell * self.names.len() as f32
    }

    /// Centre of a row or column, from the edge of the first one.
    fn middle(&self, index: usize) -> f32 {
        self.cell * (index as f32 + 0.5)
    }

    fn draw_title(&self, canvas: &mut Canvas, title: &str, matrix: &ConfusionMatrix) {
        let center = self.width / 2.0;
        let style = Text::new(TITLE_TEXT, INK, Align::Middle);
        canvas.fitted(title, self.width - 40.0, (center, 28.0), style);
        let (hits, images) = (matrix.hits(), matrix.images());
        let share = 100.0 * hits as f64 / images as f64;
        let note = format!("{hits} of {images} images correct ({share:.1} %)");
        canvas.text(&note, (center, 53.0), Text::new(NOTE_TEXT, FAINT_INK, Align::Middle));
    }

    /// The colour scales.
    fn draw_scales(&self, canvas: &mut Canvas) {
        let (bar, y, text) = (110.0, 82.0, 13.0);
        let style = |align| Text::new(text, FAINT_INK, align);
        let font = canvas.font();
        let caption = "share of the actual class:";
        let scales = [("correct", BLUE), ("wrong", VERMILION)];
        let names: f32 = scales.iter().map(|(name, _)| font.width(name, text)).sum();
        let total = font.width(caption, text) + names + 2.0 * (bar + 10.0 + 8.0) + 14.0;
        let mut left = ((self.width - total) / 2.0).floor();
        canvas.text(caption, (left, y), style(Align::Start));
        left = (left + font.width(caption, text) + 10.0).floor();
        for (name, color) in scales {
            for step in 0..bar as u16 {
                let x = left + f32::from(step);
                let share = f32::from(step) / (bar - 1.0);
                canvas.rectangle((x, y - 7.0), 1.0, 14.0, color.tint(share));
            }
            let inside =
                |share: f32| Text { color: color.tint(share).ink(), ..style(Align::Start) };
            canvas.text("0 %", (left + 6.0, y), inside(0.0));
            let full = Text { align: Align::End, ..inside(1.0) };
            canvas.text("100 %", (left + bar - 6.0, y), full);
            canvas.text(name, (left + bar + 8.0, y), style(Align::Start));
            left = (left + bar + 8.0 + font.width(name, text) + 24.0).floor();
        }
    }

    /// Class names and titles of both axes.
    fn draw_names(&self, canvas: &mut Canvas) {
        let (left, side) = (self.left, self.side());
        let bottom = TOP + side;
        let style = Text::new(self.text, INK, Align::End);
        for (index, name) in self.names.iter().enumerate() {
            let middle = self.middle(index);
            canvas.text(name, (left - 8.0, TOP + middle), style);
            canvas.text(name, (left + middle + 3.0, bottom + 10.0), style.rotated(-45.0));
        }
        let axis = Text::new(15.0, INK, Align::Middle);
        let before = (left - self.widest - 30.0, TOP + side / 2.0);
        canvas.text("actual", before, axis.rotated(-90.0));
        canvas.text("predicted", (left + side / 2.0, self.height - 22.0), axis);
        let found = Text::new(12.0, FAINT_INK, Align::End);
        canvas.text("recall", (left + side + 54.0, TOP - 11.0), found);
    }

    /// The cells of one class and its recall.
    fn draw_row(&self, canvas: &mut Canvas, actual: usize, row: &[usize]) {
        let images: usize = row.iter().sum();
        let top = TOP + self.cell * actual as f32;
        for (predicted, &count) in row.iter().enumerate() {
            let left = self.left + self.cell * predicted as f32;
            let hue = if predicted == actual { BLUE } else { VERMILION };
            let color = if count == 0 { EMPTY } else { hue.tint(count as f32 / images as f32) };
            // One pixel between the cells.
            canvas.rectangle((left, top), self.cell - 1.0, self.cell - 1.0, color);
            if count == 0 && predicted == actual {
                self.draw_diagonal(canvas, left, top);
            }
            if count > 0 {
                self.draw_count(canvas, (left, top), count, color.ink());
            }
        }
        let share = match (row.get(actual), images) {
            (Some(hits), 1..) => format!("{:.0} %", 100.0 * *hits as f64 / images as f64),
            _ => "–".to_owned(),
        };
        let end = (self.left + self.side() + 54.0, top + self.cell / 2.0);
        canvas.text(&share, end, Text::new(self.text.min(13.0), FAINT_INK, Align::End));
    }

    /// Outlines an empty cell of the diagonal.
    fn draw_diagonal(&self, canvas: &mut Canvas, left: f32, top: f32) {
        let (near, far) = (1.0, self.cell - 2.0);
        let corners = [(near, near), (far, near), (far, far), (near, far), (near, near)];
        let corners = corners.map(|(x, y)| (left + x, top + y));
        canvas.line(&corners, Pen::solid(FRAME, 1.0));
    }

    /// Draws a count in its cell: smaller if necessary, omitted if it would not be legible.
    fn draw_count(&self, canvas: &mut Canvas, (left, top): (f32, f32), count: usize, color: Color) {
        let text = count.to_string();
        let fitting = (self.cell - 5.0) / canvas.font().width(&text, 1.0);
        let size = (self.cell * 0.5).min(16.0).min(fitting);
        if size >= 7.0 {
            let middle = (self.cell - 1.0) / 2.0;
            let style = Text::new(size, color, Align::Middle);
            canvas.text(&text, (left + middle, top + middle), style);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix() -> ConfusionMatrix {
        let labels = [0, 0, 0, 1, 1, 2, 2];
        let guesses = [0, 1, 1, 1, 2, 1, 2];
        let rows: Vec<Vec<f32>> = guesses
            .iter()
            .map(|&guess| (0..3).map(|class| if class == guess { 0.5 } else { 0.25 }).collect())
            .collect();
        ConfusionMatrix::new(&rows, &labels, 3).unwrap()
    }

    #[test]
    fn guesses_are_counted_by_class() {
        let matrix = matrix();
        assert_eq!(matrix.rows().collect::<Vec<_>>(), [[1, 2, 0], [0, 1, 1], [0, 1, 1]]);
        assert_eq!((matrix.images(), matrix.hits(), matrix.classes()), (7, 3, 3));
        assert!(matrix.row(3).is_empty());
    }

    #[test]
    fn the_most_frequent_mistakes_come_first() {
        let confusion = |actual, predicted, count| Confusion { actual, predicted, count };
        assert_eq!(matrix().worst(2), [confusion(0, 1, 2), confusion(1, 2, 1)]);
        assert_eq!(matrix().worst(10).len(), 3);
    }
}
