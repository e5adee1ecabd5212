//! What was found, as pictures to look at.

use std::path::{Path, PathBuf};

use pet_image::{Limits, RgbImage, decode, shrink};
use pet_report::{Tile, contact_sheet_png};

use super::report::{DataReport, DuplicateGroup, Likeness};
use crate::error::Error;
use crate::evaluate;

/// Pictures of each kind, so that all find room on a sheet.
const EACH: usize = 30;
/// More pixels than a sheet shows.
const SIDE: u32 = 256;

/// A picture and the lines below it.
struct Entry {
    file: PathBuf,
    title: String,
    problem: String,
}

impl DataReport {
    /// Draws a contact sheet of what was found: pictures that show the same beside one another, then suspected labels,
    /// then pictures on which little can be seen; up to thirty of each.
    ///
    /// # Errors
    ///
    /// [`Error::Report`] if the sheet cannot be drawn. A picture that can no longer be read leaves its place empty.
    pub fn contact_sheet(&self, limits: &Limits) -> Result<Vec<u8>, Error> {
        let same = self.duplicates.iter().flat_map(same);
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
        let entries = same
            .take(EACH)
            .chain(suspects.take(EACH))
            .chain(flaws.take(EACH));
        let entries: Vec<Entry> = entries.collect();
        self.draw(&entries, limits)
    }

    fn draw(&self, entries: &[Entry], limits: &Limits) -> Result<Vec<u8>, Error> {
        let photographs = entries
            .iter()
            .map(|entry| read(&self.root.join(&entry.file), limits));
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

fn same(group: &DuplicateGroup) -> impl Iterator<Item = Entry> {
    let problem = match group.kind {
        Likeness::Exact => "copy".to_owned(),
        Likeness::Near => format!("near-copy, {:.3}", group.similarity),
    };
    group.images.iter().map(move |member| Entry {
        file: member.file.clone(),
        title: format!("{} ({})", member.class, member.split),
        problem: problem.clone(),
    })
}

/// The folder that a picture lies in, which most data sets name by its class.
fn class_of(file: &Path) -> String {
    let folder = file.parent().and_then(Path::file_name);
    folder.unwrap_or_default().to_string_lossy().into_owned()
}

fn read(path: &Path, limits: &Limits) -> Option<RgbImage> {
    let decoded = decode(&evaluate::read(path, limits).ok()?, limits);
    shrink(decoded.ok()?.image, SIDE).ok()
}
