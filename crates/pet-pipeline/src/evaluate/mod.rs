//! Evaluation of exported models: metrics, plots, and saving both.

mod evaluation;
mod images;
mod outliers;
mod plots;
mod save;

use pet_data::Progress;
use pet_predict::ImagePredictor;

use crate::error::Error;

pub use evaluation::{Confusion, Evaluation, Mistake, image_error, predict_all, read_image};
pub use images::{ImageSet, class_indices};
pub use outliers::OutlierMetrics;
pub use save::{add_to_results, log_to_run};

/// Evaluates a model on images, with the same predictions as the service.
///
/// # Errors
///
/// [`Error::Image`] for an image that cannot be read or predicted, [`Error::Report`] without images.
pub fn evaluate(
    predictor: &ImagePredictor,
    images: &ImageSet,
    progress: &dyn Progress,
) -> Result<Evaluation, Error> {
    let mut evaluation = evaluate_metrics(predictor, images, progress)?;
    evaluation.plots = plots::draw(&evaluation, &predictor.model().options().image)?;
    Ok(evaluation)
}

/// Like [`evaluate`], but without plots.
///
/// # Errors
///
/// As [`evaluate`].
pub fn evaluate_metrics(
    predictor: &ImagePredictor,
    images: &ImageSet,
    progress: &dyn Progress,
) -> Result<Evaluation, Error> {
    Evaluation::without_plots(predictor, images, progress)
}
