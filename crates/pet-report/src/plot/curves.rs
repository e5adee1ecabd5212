//! The chart of loss and accuracy over the epochs.

use super::axis::{Axis, is_drawable};
use super::canvas::{Canvas, Marker, Pen};
use super::colors::{BLUE, Color, GREEN, VERMILION};
use super::heading::{self, Entry};
use super::panel::{Area, Panel, Series};
use crate::Error;

const WIDTH: u32 = 1200;
const HEIGHT: u32 = 500;
const LEFT_PANEL: Area = Area { left: 90.0, top: 98.0, width: 490.0, height: 340.0 };
const RIGHT_PANEL: Area = Area { left: 684.0, ..LEFT_PANEL };

/// The metrics of one epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Mean loss on the training images.
    pub train_loss: f64,
    /// Accuracy on the training images, 0 to 1.
    pub train_acc: f64,
    /// Mean loss on the validation images.
    pub val_loss: f64,
    /// Accuracy on the validation images, 0 to 1.
    pub val_acc: f64,
}

/// Draws loss and accuracy over the epochs for training and validation images, as a PNG of 1200 by 500 pixels.
///
/// The best epoch is marked: highest validation accuracy, then lowest validation loss, then earliest. A value that is
/// not finite, or beyond 10⁹, leaves a gap in its curve, so that a diverged run can be drawn too.
///
/// ```
/// use pet_report::{CurvePoint, training_curves_png};
///
/// let point = |epoch, train_loss, val_acc| CurvePoint {
///     epoch, train_loss, train_acc: val_acc, val_loss: train_loss, val_acc,
/// };
/// let png = training_curves_png(&[point(1, 2.1, 0.61), point(2, 0.9, 0.83)], "First try")?;
/// assert!(png.starts_with(b"\x89PNG"));
/// # Ok::<(), pet_report::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::NoEpochs`], [`Error::EpochOrder`] unless the epochs are ascending, and [`Error::Font`], [`Error::Canvas`]
/// or [`Error::Encode`] if the picture cannot be made.
pub fn training_curves_png(points: &[CurvePoint], title: &str) -> Result<Vec<u8>, Error> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Err(Error::NoEpochs);
    };
    if let Some(pair) = points.windows(2).find(|pair| pair[0].epoch >= pair[1].epoch) {
        return Err(Error::EpochOrder { previous: pair[0].epoch, epoch: pair[1].epoch });
    }
    let epochs = Axis::of_epochs(first.epoch, last.epoch);
    let best = best(points);
    let mut canvas = Canvas::new(WIDTH, HEIGHT)?;
    heading::draw(&mut canvas, title, &legend(best));
    let mark = best.map(|point| point.epoch as f64);

    let losses = [
        series(points, |point| point.train_loss, BLUE, Marker::Circle),
        series(points, |point| point.val_loss, VERMILION, Marker::Square),
    ];
    let values = Axis::of_values(drawn(&losses), 0.0..=f64::MAX);
    let panel =
        Panel { area: LEFT_PANEL, across: &epochs, across_title: "epoch", values, title: "loss" };
    panel.draw(&mut canvas, &losses, mark);

    let accuracies = [
        series(points, |point| 100.0 * point.train_acc, BLUE, Marker::Circle),
        series(points, |point| 100.0 * point.val_acc, VERMILION, Marker::Square),
    ];
    let values = Axis::of_values(drawn(&accuracies), 0.0..=100.0);
    let panel = Panel {
        area: RIGHT_PANEL,
        across: &epochs,
        across_title: "epoch",
        values,
        title: "accuracy (%)",
    };
    panel.draw(&mut canvas, &accuracies, mark);
    canvas.png()
}

/// Highest validation accuracy, then lowest validation loss, then earliest.
fn best(points: &[CurvePoint]) -> Option<&CurvePoint> {
    let loss = |point: &CurvePoint| {
        if point.val_loss.is_nan() { f64::INFINITY } else { point.val_loss }
    };
    let better = |best: &CurvePoint, point: &CurvePoint| {
        point.val_acc > best.val_acc || (point.val_acc >= best.val_acc && loss(point) < loss(best))
    };
    points
        .iter()
        .filter(|point| is_drawable(point.val_acc))
        .reduce(|best, point| if better(best, point) { point } else { best })
}

fn series(
    points: &[CurvePoint],
    value: impl Fn(&CurvePoint) -> f64,
    color: Color,
    marker: Marker,
) -> Series {
    let values = points.iter().map(|point| (point.epoch as f64, value(point))).collect();
    Series { values, pen: Pen::solid(color, 2.2), marker: Some(marker) }
}

fn drawn(series: &[Series]) -> impl Iterator<Item = f64> {
    series.iter().flat_map(|series| series.values.iter().map(|&(_, value)| value))
}

/// The legend of both curves and the best epoch.
fn legend(best: Option<&CurvePoint>) -> Vec<Entry> {
    let entry = |color, marker, text: &str| Entry {
        pen: Pen::solid(color, 2.2),
        marker: Some(marker),
        text: text.to_owned(),
    };
    let mut entries = vec![
        entry(BLUE, Marker::Circle, "training"),
        entry(VERMILION, Marker::Square, "validation"),
    ];
    entries.extend(best.map(|CurvePoint { epoch, val_acc, .. }| Entry {
        pen: Pen::dashed(GREEN, 1.6),
        marker: None,
        text: format!("best epoch: {epoch}, validation accuracy {:.1} %", 100.0 * val_acc),
    }));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(epoch: usize, val_acc: f64, val_loss: f64) -> CurvePoint {
        CurvePoint { epoch, train_loss: 1.0, train_acc: 0.5, val_loss, val_acc }
    }

    fn best_epoch(points: &[CurvePoint]) -> Option<usize> {
        best(points).map(|point| point.epoch)
    }

    #[test]
    fn the_best_epoch_is_chosen_by_accuracy_then_loss_then_age() {
        let nan = f64::NAN;
        assert_eq!(best_epoch(&[point(1, 0.8, 0.1), point(2, 0.9, 0.3)]), Some(2));
        assert_eq!(best_epoch(&[point(1, 0.9, 0.4), point(2, 0.9, 0.3)]), Some(2));
        assert_eq!(best_epoch(&[point(1, 0.9, 0.3), point(2, 0.9, 0.3)]), Some(1));
        assert_eq!(best_epoch(&[point(1, 0.9, nan), point(2, 0.9, 0.3)]), Some(2));
        assert_eq!(best_epoch(&[point(1, nan, 0.1), point(2, 0.2, nan)]), Some(2));
        assert_eq!(best_epoch(&[point(1, nan, 0.1)]), None);
    }

    #[test]
    fn epochs_have_to_follow_each_other() {
        assert!(matches!(training_curves_png(&[], ""), Err(Error::NoEpochs)));
        let error = training_curves_png(&[point(2, 0.5, 1.0), point(2, 0.5, 1.0)], "").unwrap_err();
        assert_eq!(error.to_string(), "epoch 2 follows epoch 2, expected a later one");
    }
}
