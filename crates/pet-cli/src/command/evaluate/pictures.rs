//! The confusion matrix and the mistakes as pictures.

use std::path::Path;

use pet_data::Progress;
use pet_image::{Limits, RgbImage, decode};
use pet_model::{CONFUSION_FILE, write_atomically};
use pet_report::{confusion_matrix_png, mistakes_png};

use super::measured::Measured;
use crate::command::image_file::{at, read};
use crate::failure::Failure;

/// The photographs of the most confident mistakes. It is not committed: the photographs belong to their owners.
const MISTAKES_FILE: &str = "mistakes.png";

/// The pictures by the names of their files.
pub(super) type Pictures = Vec<(&'static str, Vec<u8>)>;

impl Measured {
    /// Writes the pictures into a folder.
    pub(super) fn save_pictures(
        &self,
        folder: &Path,
        progress: &dyn Progress,
    ) -> Result<(), Failure> {
        for (name, png) in &self.pictures {
            let path = folder.join(name);
            write_atomically(&path, png)?;
            progress.message(&format!("wrote {}", path.display()));
        }
        Ok(())
    }

    /// Draws the pictures. A matrix of very many classes could not be read and is left out.
    pub(super) fn draw(&self) -> Result<Pictures, Failure> {
        let mut pictures = Vec::new();
        let title = format!("{}: {} images", self.model, self.name);
        match confusion_matrix_png(&self.confusion, &self.classes, &title) {
            Ok(png) => pictures.push((CONFUSION_FILE, png)),
            Err(pet_report::Error::TooManyClasses { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        pictures.push((MISTAKES_FILE, self.contact_sheet()?));
        Ok(pictures)
    }

    fn contact_sheet(&self) -> Result<Vec<u8>, Failure> {
        let photographs: Vec<RgbImage> = self
            .mistakes
            .iter()
            .map(|mistake| {
                let decoded = decode(&read(&mistake.file)?, &Limits::default());
                let decoded = decoded.map_err(|error| at(&mistake.file, error.into()))?;
                Ok(decoded.image)
            })
            .collect::<Result<_, Failure>>()?;
        let names: Vec<String> = self
            .mistakes
            .iter()
            .map(|mistake| mistake.file.file_stem().unwrap_or_default())
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        let sheet: Vec<_> = self
            .mistakes
            .iter()
            .zip(photographs.iter().zip(&names))
            .map(|(mistake, (photograph, name))| pet_report::Mistake {
                photograph,
                actual: &mistake.actual,
                predicted: &mistake.predicted,
                confidence: mistake.confidence,
                name,
            })
            .collect();
        let title = format!("Most confident mistakes on the {} images", self.name);
        let note = format!(
            "{} of {} images mistaken; the {} surest: class → taken for, confidence, file",
            self.mistaken,
            self.figures.images,
            sheet.len()
        );
        Ok(mistakes_png(&sheet, &title, &note)?)
    }
}
