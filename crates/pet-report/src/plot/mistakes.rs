//! Contact sheets of misclassified photographs.

use pet_image::RgbImage;

use super::sheet::{Tile, contact_sheet_png};
use crate::Error;

/// A misclassified photograph.
#[derive(Clone, Copy, Debug)]
pub struct Mistake<'a> {
    /// The photograph.
    pub photograph: &'a RgbImage,
    /// Its actual class.
    pub actual: &'a str,
    /// Its predicted class.
    pub predicted: &'a str,
    /// The probability of the predicted class, 0 to 1.
    pub confidence: f32,
    /// An identifier, such as the file name.
    pub name: &'a str,
}

/// Draws up to 100 mistakes in rows of five as a PNG: each photograph with its actual and predicted class, the
/// confidence and its name. Long names are shortened.
///
/// # Errors
///
/// As [`contact_sheet_png`].
pub fn mistakes_png(mistakes: &[Mistake<'_>], title: &str, note: &str) -> Result<Vec<u8>, Error> {
    let lines = mistakes.iter().map(|mistake| {
        let predicted = format!("→ {}", mistake.predicted);
        let file = format!("{:.1} %  {}", 100.0 * mistake.confidence, mistake.name);
        (predicted, file)
    });
    let lines: Vec<_> = lines.collect();
    let tiles = mistakes.iter().zip(&lines).map(|(mistake, (predicted, file))| Tile {
        photograph: Some(mistake.photograph),
        title: mistake.actual,
        problem: predicted,
        name: file,
    });
    let tiles: Vec<_> = tiles.collect();
    contact_sheet_png(&tiles, title, note, "no mistakes")
}
