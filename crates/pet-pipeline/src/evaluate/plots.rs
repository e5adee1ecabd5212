//! The confusion matrix and the mistakes as PNG files.

use pet_image::{Limits, RgbImage, decode};
use pet_model::{CONFUSION_FILE, Precision};
use pet_report::{confusion_matrix_png, mistakes_png};

use super::evaluation::{Evaluation, Mistake, image_error, read_image};
use crate::error::Error;

/// The photos of the most confident mistakes. Not under version control, because of the photos' copyright.
const MISTAKES_FILE: &str = "mistakes.png";

/// Draws the plots. The matrix is left out if it has too many classes to be legible.
pub(super) fn draw(
    evaluation: &Evaluation,
    limits: &Limits,
) -> Result<Vec<(&'static str, Vec<u8>)>, Error> {
    let mut plots = Vec::new();
    let title = format!("{}: {}", evaluation.model, images(&evaluation.name));
    match confusion_matrix_png(&evaluation.confusion, &evaluation.classes, &title) {
        Ok(png) => plots.push((CONFUSION_FILE, png)),
        Err(pet_report::Error::TooManyClasses { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    plots.push((MISTAKES_FILE, contact_sheet(evaluation, limits)?));
    Ok(plots)
}

/// The images of a split or folder.
fn images(key: &str) -> String {
    match Precision::of_key(key) {
        (name, Precision::Fp32) => format!("{name} images"),
        (name, precision) => format!("{name} images, {precision}"),
    }
}

fn contact_sheet(evaluation: &Evaluation, limits: &Limits) -> Result<Vec<u8>, Error> {
    let mistakes = &evaluation.mistakes;
    let photograph = |mistake: &Mistake| {
        let decoded = decode(&read_image(&mistake.file, limits)?, limits);
        Ok(decoded.map_err(image_error(&mistake.file))?.image)
    };
    let photographs: Vec<RgbImage> =
        mistakes.iter().map(photograph).collect::<Result<_, Error>>()?;
    let name = |mistake: &Mistake| {
        let name = mistake.file.file_stem().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let names: Vec<String> = mistakes.iter().map(name).collect();
    let rows = mistakes.iter().zip(photographs.iter().zip(&names));
    let sheet = rows.map(|(mistake, (photograph, name))| pet_report::Mistake {
        photograph,
        actual: &mistake.actual,
        predicted: &mistake.predicted,
        confidence: mistake.confidence,
        name,
    });
    let sheet: Vec<_> = sheet.collect();
    let title = format!("Most confident mistakes on the {}", images(&evaluation.name));
    let note = format!(
        "{} of {} images misclassified; the {} most confident: class → prediction, confidence, file",
        evaluation.mistaken,
        evaluation.metrics.images,
        sheet.len()
    );
    Ok(mistakes_png(&sheet, &title, &note)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_have_no_keys_of_metrics() {
        assert_eq!(images("test"), "test images");
        assert_eq!(images("test_int8"), "test images, int8");
    }
}
