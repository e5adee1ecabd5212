//! A contact sheet of the problems.

use std::path::{Path, PathBuf};

use pet_image::{Limits, RgbImage, decode, shrink};
use pet_report::{Tile, contact_sheet_png};

use super::report::{DataReport, DuplicateGroup, DuplicateKind};
use crate::error::Error;
use crate::evaluate;

/// Maximum number of images per kind of problem.
const MAX_IMAGES: usize = 30;
/// Images are shrunk to this size while they are kept in memory.
const SIDE: u32 = 256;

/// An image and its captions.
struct Entry {
    file: PathBuf,
    title: String,
    problem: String,
}

impl DataReport {
    /// Draws a contact sheet of the problems: groups of duplicates, then suspected labels, then images of poor quality, up to
    /// 30 images each. Images that can no longer be read are left blank.
    ///
    /// # Errors
    ///
    /// [`Error::Report`] if the sheet cannot be drawn.
    pub fn contact_sheet(&self, limits: &Limits) -> Result<Vec<u8>, Error> {
        let duplicates = self.duplicates.iter().flat_map(duplicates);
        let suspects = self.labels.iter().flat_map(|labels| &labels.suspects);
        let suspects = suspects.map(|suspect| Entry {
            file: suspect.file.clone(),
            title: suspect.given.clone(),
            problem: format!(
                "{}? {:.1} % : {:.1} %",
                suspect.likely,
                100.0 * suspect.likely_probability,
                100.0 * suspect.given_probability
            ),
        });
        let flaws = self.flaws.iter().map(|image| Entry {
            file: image.file.clone(),
            title: class_of(&image.file),
            problem: image.flaw.kind.name().into(),
        });
        let entries = duplicates
            .take(MAX_IMAGES)
            .chain(suspects.take(MAX_IMAGES))
            .chain(flaws.take(MAX_IMAGES));
        let entries: Vec<Entry> = entries.collect();
        self.draw(&entries, limits)
    }

    fn draw(&self, entries: &[Entry], limits: &Limits) -> Result<Vec<u8>, Error> {
        let photographs = entries.iter().map(|entry| read(&self.root.join(&entry.file), limits));
        let photographs: Vec<Option<RgbImage>> = photographs.collect();
        let names = entries.iter().map(|entry| entry.file.to_string_lossy());
        let names: Vec<_> = names.collect();
        let tiles = entries.iter().zip(photographs.iter().zip(&names));
        let tiles = tiles.map(|(entry, (photograph, name))| Tile {
            photograph: photograph.as_ref(),
            title: &entry.title,
            problem: &entry.problem,
            name,
        });
        let tiles: Vec<_> = tiles.collect();
        let title = format!("Found in {}", self.dataset);
        let note = format!("{} of {} images shown", tiles.len(), self.images);
        Ok(contact_sheet_png(&tiles, &title, &note, "nothing found")?)
    }
}

fn duplicates(group: &DuplicateGroup) -> impl Iterator<Item = Entry> {
    let problem = match group.kind {
        DuplicateKind::Exact => "copy".to_owned(),
        DuplicateKind::Near => format!("near-copy, {:.3}", group.similarity),
    };
    group.images.iter().map(move |member| Entry {
        file: member.file.clone(),
        title: format!("{} ({})", member.class, member.split),
        problem: problem.clone(),
    })
}

/// The name of the folder, which is the class in most data sets.
fn class_of(file: &Path) -> String {
    let folder = file.parent().and_then(Path::file_name);
    folder.unwrap_or_default().to_string_lossy().into_owned()
}

fn read(path: &Path, limits: &Limits) -> Option<RgbImage> {
    let decoded = decode(&evaluate::read_image(path, limits).ok()?, limits);
    shrink(decoded.ok()?.image, SIDE).ok()
}
