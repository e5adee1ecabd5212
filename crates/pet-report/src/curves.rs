//! The charts of a training: loss and accuracy over the epochs, and loss over the learning rate.

use pet_image::Region;

use crate::Error;
use crate::axis::{Axis, is_drawable};
use crate::canvas::{Canvas, Marker, Pen};
use crate::chart::{Entry, Panel, Series, draw_heading};
use crate::colors::{BLUE, GREEN, VERMILION, WHITE};

const LEFT: Region = Region { left: 90.0, top: 98.0, width: 490.0, height: 340.0 };
const RIGHT: Region = Region { left: 684.0, ..LEFT };
/// The area of a chart of 800 pixels with one panel.
const WIDE: Region = Region { width: 680.0, ..LEFT };

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
    let across = &Axis::of_epochs(first.epoch, last.epoch);
    let best = best(points);
    let mut canvas = Canvas::new(1200, 500)?;
    draw_heading(&mut canvas, title, &legend(best));
    let series = |value: fn(&CurvePoint) -> f64, color, marker| Series {
        values: points.iter().map(|point| (point.epoch as f64, value(point))).collect(),
        pen: Pen::solid(color, 2.2),
        marker: Some(marker),
    };
    let mut draw = |area, title, usual, values: [fn(&CurvePoint) -> f64; 2]| {
        let [training, validation] = values;
        let curves =
            [series(training, BLUE, Marker::Circle), series(validation, VERMILION, Marker::Square)];
        let drawn = curves.iter().flat_map(|curve| curve.values.iter().map(|&(_, value)| value));
        let values = Axis::of_values(drawn, usual);
        let panel = Panel { area, across, across_title: "epoch", values, title };
        panel.draw(&mut canvas, &curves, best.map(|point| point.epoch as f64));
    };
    draw(LEFT, "loss", 0.0..=f64::MAX, [|point| point.train_loss, |point| point.val_loss]);
    draw(
        RIGHT,
        "accuracy (%)",
        0.0..=100.0,
        [|point| 100.0 * point.train_acc, |point| 100.0 * point.val_acc],
    );
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

/// One step of a range test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossPoint {
    /// The learning rate, above 0.
    pub learning_rate: f64,
    /// The loss.
    pub loss: f64,
    /// Running mean of the losses.
    pub smoothed: f64,
}

/// Draws the loss over the learning rate on a logarithmic axis, with a line at the `suggested` rate, as a PNG of 800 by
/// 500 pixels.
///
/// The axis covers the running mean; higher losses of single steps are omitted.
///
/// ```
/// use pet_report::{LossPoint, learning_rates_png};
///
/// let point = |learning_rate, loss| LossPoint { learning_rate, loss, smoothed: loss };
/// let png = learning_rates_png(&[point(1e-4, 2.0), point(1e-3, 1.2)], Some(1e-3), "First try")?;
/// assert!(png.starts_with(b"\x89PNG"));
/// # Ok::<(), pet_report::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::NoSteps`] without a learning rate above 0, and [`Error::Font`], [`Error::Canvas`] or [`Error::Encode`] if the
/// picture cannot be made.
pub fn learning_rates_png(
    points: &[LossPoint],
    suggested: Option<f64>,
    title: &str,
) -> Result<Vec<u8>, Error> {
    let rates = points.iter().map(|point| point.learning_rate);
    let across = Axis::of_powers(rates).ok_or(Error::NoSteps)?;
    let means = points.iter().map(|point| point.smoothed);
    let upper = means.filter(|mean| is_drawable(*mean));
    let upper = upper.fold(f64::NEG_INFINITY, f64::max);
    let drawn = points.iter().flat_map(|point| [point.loss, point.smoothed]);
    let values = Axis::of_values(drawn.filter(|loss| *loss <= upper), 0.0..=f64::MAX);
    let upper = values.as_ref().map_or(upper, |axis| axis.upper);
    let pens = [Pen::solid(BLUE.mix(WHITE, 0.6), 1.4), Pen::solid(BLUE, 2.2)];
    let series = |pen, value: fn(&LossPoint) -> f64| Series {
        values: points
            .iter()
            .map(|point| (point.learning_rate.log10(), value(point)))
            .map(|(rate, value)| (rate, if value > upper { f64::NAN } else { value }))
            .collect(),
        pen,
        marker: None,
    };
    let curves = [series(pens[0], |point| point.loss), series(pens[1], |point| point.smoothed)];
    let mut canvas = Canvas::new(800, 500)?;
    draw_heading(&mut canvas, title, &rates_legend(pens, suggested));
    let panel =
        Panel { area: WIDE, across: &across, across_title: "learning rate", values, title: "loss" };
    panel.draw(&mut canvas, &curves, suggested.map(f64::log10));
    canvas.png()
}

fn rates_legend([step, mean]: [Pen; 2], suggested: Option<f64>) -> Vec<Entry> {
    let entry = |pen, text: String| Entry { pen, marker: None, text };
    let mut entries = vec![entry(step, "each step".into()), entry(mean, "running mean".into())];
    entries.extend(
        suggested.map(|rate| entry(Pen::dashed(GREEN, 1.6), format!("suggested: {rate:e}"))),
    );
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
