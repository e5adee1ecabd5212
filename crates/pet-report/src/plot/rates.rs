//! The chart of a learning rate range test.

use super::axis::{Axis, is_drawable};
use super::canvas::{Canvas, Pen};
use super::colors::{BLUE, GREEN, WHITE};
use super::heading::{self, Entry};
use super::panel::{Area, Panel, Series};
use crate::Error;

const WIDTH: u32 = 800;
const HEIGHT: u32 = 500;
const AREA: Area = Area { left: 90.0, top: 98.0, width: 680.0, height: 340.0 };

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
    let mut canvas = Canvas::new(WIDTH, HEIGHT)?;
    heading::draw(&mut canvas, title, &legend(pens, suggested));
    let panel =
        Panel { area: AREA, across: &across, across_title: "learning rate", values, title: "loss" };
    panel.draw(&mut canvas, &curves, suggested.map(f64::log10));
    canvas.png()
}

fn legend([step, mean]: [Pen; 2], suggested: Option<f64>) -> Vec<Entry> {
    let entry = |pen, text: String| Entry { pen, marker: None, text };
    let mut entries = vec![entry(step, "each step".into()), entry(mean, "running mean".into())];
    entries.extend(
        suggested.map(|rate| entry(Pen::dashed(GREEN, 1.6), format!("suggested: {rate:e}"))),
    );
    entries
}
