//! Calibration of confidences by temperature scaling.
//!
//! Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", 2017,
//! <https://arxiv.org/abs/1706.04599>.

mod error;
mod temperature;

use pet_model::{Calibration, SplitMetrics, softmax};

use crate::{Error, measure};

pub use error::{CALIBRATION_BINS, expected_calibration_error};
pub use temperature::{TEMPERATURES, fit_temperature};

/// Measures a classifier on the images of one split from its logits: [`measure`](crate::measure()), and the calibration
/// with and without the temperature.
///
/// ```
/// use pet_report::measure_logits;
///
/// let classes = ["Beagle".to_string(), "Pug".to_string()];
/// let logits = vec![vec![8.0, 0.0]; 4];
/// let metrics = measure_logits(&logits, &[0, 0, 0, 1], &classes, 7.282, "evaluate")?;
/// let calibration = metrics.calibration.unwrap();
/// assert!(calibration.error < 0.001 && calibration.error_before > 0.24);
/// # Ok::<(), pet_report::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::NotFinite`], and those of [`measure`](crate::measure()).
pub fn measure_logits(
    logits: &[Vec<f32>],
    labels: &[usize],
    classes: &[String],
    temperature: f64,
    command: &str,
) -> Result<SplitMetrics, Error> {
    let calibrated = probabilities(logits, temperature)?;
    let uncalibrated = probabilities(logits, 1.0)?;
    let count = classes.len();
    let metrics = measure(&calibrated, labels, classes, command)?;
    Ok(SplitMetrics {
        calibration: Some(Calibration {
            temperature,
            error: expected_calibration_error(&calibrated, labels, count)?,
            error_before: expected_calibration_error(&uncalibrated, labels, count)?,
            loss_before: measure(&uncalibrated, labels, classes, command)?.loss,
        }),
        ..metrics
    })
}

/// The softmax of each row of logits divided by `temperature`, the input of [`measure`](crate::measure()) and
/// [`ConfusionMatrix`](crate::ConfusionMatrix).
///
/// # Errors
///
/// [`Error::NotFinite`] and [`Error::NoClasses`].
pub fn probabilities(logits: &[Vec<f32>], temperature: f64) -> Result<Vec<Vec<f32>>, Error> {
    let rows = logits.iter().enumerate();
    rows.map(|(row, values)| {
        softmax(values, temperature).ok_or_else(|| {
            let invalid = values.iter().enumerate().find(|one| !one.1.is_finite());
            invalid.map_or(Error::NoClasses, |(class, &value)| Error::NotFinite {
                row,
                class,
                value,
            })
        })
    })
    .collect()
}
