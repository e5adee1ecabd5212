//! What an exported model makes of images: figures, pictures, and where both are kept.

mod evaluation;
mod images;
mod keep;
mod outliers;
mod pictures;

use pet_data::Progress;
use pet_predict::ImagePredictor;

use crate::error::Error;

pub use evaluation::{Confusion, Evaluation, Mistake, at, predictions, read};
pub use images::ImageSet;
pub use keep::{add_to_results, log_to_run};
pub use outliers::OutlierFigures;

/// Predicts the images exactly as the service does.
///
/// # Errors
///
/// [`Error::Image`] for an image that cannot be read or predicted, [`Error::Report`] when there are none.
pub fn evaluate(
    predictor: &ImagePredictor,
    images: &ImageSet,
    progress: &dyn Progress,
) -> Result<Evaluation, Error> {
    let mut evaluation = evaluate_figures(predictor, images, progress)?;
    evaluation.pictures = pictures::draw(&evaluation, &predictor.model().options().image)?;
    Ok(evaluation)
}

/// The same without pictures, where only the figures are wanted.
///
/// # Errors
///
/// As [`evaluate`].
pub fn evaluate_figures(
    predictor: &ImagePredictor,
    images: &ImageSet,
    progress: &dyn Progress,
) -> Result<Evaluation, Error> {
    Evaluation::without_pictures(predictor, images, progress)
}
