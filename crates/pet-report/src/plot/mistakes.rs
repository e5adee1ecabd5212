//! The most confident mistakes as a contact sheet.

use pet_image::RgbImage;

use super::sheet::{Tile, contact_sheet_png};
use crate::Error;

/// One photograph that was taken for another class.
#[derive(Clone, Copy, Debug)]
pub struct Mistake<'a> {
    /// The photograph.
    pub photograph: &'a RgbImage,
    /// Its class.
    pub actual: &'a str,
    /// The class it was taken for.
    pub predicted: &'a str,
    /// Probability that it was given for that class, 0 to 1.
    pub confidence: f32,
    /// How to find it, such as the name of its file.
    pub name: &'a str,
}

/// Draws mistakes as a PNG of five in a row, at most 100, in the order given: each photograph with
/// its class, the class it was taken for, the confidence and its name.
///
/// Long names are shortened. Equal input gives equal bytes.
///
/// # Errors
///
/// [`Error::Picture`] for a photograph without pixels; [`Error::Font`], [`Error::Canvas`] and
/// [`Error::Encode`] if the picture cannot be made.
pub fn mistakes_png(mistakes: &[Mistake<'_>], title: &str, note: &str) -> Result<Vec<u8>, Error> {
    let lines = mistakes.iter().map(|mistake| {
        let predicted = format!("→ {}", mistake.predicted);
        let file = format!("{:.1} %  {}", 100.0 * mistake.confidence, mistake.name);
        (predicted, file)
    });
    let lines: Vec<_> = lines.collect();
    let tiles = mistakes
        .iter()
        .zip(&lines)
        .map(|(mistake, (predicted, file))| Tile {
            photograph: Some(mistake.photograph),
            title: mistake.actual,
            problem: predicted,
            name: file,
        });
    let tiles: Vec<_> = tiles.collect();
    contact_sheet_png(&tiles, title, note, "no mistakes")
}
