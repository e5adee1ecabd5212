//! The result of a check, and its contact sheet.

use std::fmt;
use std::path::{Path, PathBuf};

use pet_data::Dataset;
use pet_data::picture::{Flaw, FoundFlaw};
use pet_image::{Limits, RgbImage, decode, shrink};
use pet_report::{Tile, contact_sheet_png};
use serde::Serialize;

use crate::error::Error;
use crate::evaluate::read_image;

/// Minimum number of images of a class.
const MIN_IMAGES: usize = 20;
/// Minimum number of images as a share of the mean of all classes.
const MIN_SHARE: f64 = 0.25;

/// Maximum number of images per kind of problem.
const MAX_IMAGES: usize = 30;
/// Images are shrunk to this size while they are kept in memory.
const SIDE: u32 = 256;

/// The result of checking a data set. Paths are relative to its folder.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct DataReport {
    /// The data set's name.
    pub dataset: String,
    /// Its folder.
    pub root: PathBuf,
    /// Number of images.
    pub images: usize,
    /// The kinds of problems, the most severe first.
    pub problems: Vec<Problem>,
    /// Images that cannot be read.
    pub unreadable: Vec<UnreadableFile>,
    /// Class folders without images, which training rejects.
    pub empty: Vec<PathBuf>,
    /// Class folders for validation or evaluation of classes without training images, which training rejects.
    pub untrained: Vec<PathBuf>,
    /// Images of poor quality.
    pub flaws: Vec<FlawedImage>,
    /// Groups of duplicates.
    pub duplicates: Vec<DuplicateGroup>,
    /// Labels that are probably wrong; `None` if they were not checked.
    pub labels: Option<LabelReport>,
    /// All classes with their numbers of images.
    pub classes: Vec<ClassSize>,
}

/// The severity of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Should be looked at.
    Warning,
    /// Training fails, or its metrics would be wrong, as with an image in two classes or splits.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A kind of problem and the number of affected images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its severity.
    pub severity: Severity,
    /// Its description.
    pub kind: String,
    /// Number of images; of small classes, all of their images; of class folders, their number.
    pub images: usize,
}

/// An image that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnreadableFile {
    /// The image.
    pub file: PathBuf,
    /// Why it cannot be read.
    pub reason: String,
    /// A suggested remedy.
    pub hint: Option<String>,
}

/// An image of poor quality.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlawedImage {
    /// The image.
    pub file: PathBuf,
    /// The flaw.
    #[serde(flatten)]
    pub flaw: FoundFlaw,
}

/// How similar the images of a group are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DuplicateKind {
    /// Identical pixels.
    Exact,
    /// Scaled, cropped, mirrored or compressed versions of the same image, or taken at the same moment.
    Near,
}

/// A group of duplicates.
#[derive(Clone, Debug, Serialize)]
pub struct DuplicateGroup {
    /// How similar they are.
    pub kind: DuplicateKind,
    /// The lowest correlation that connects the group, 0 to 1.
    pub similarity: f32,
    /// Whether they are in several classes.
    pub across_classes: bool,
    /// Whether they are in several splits.
    pub across_splits: bool,
    /// The images.
    pub images: Vec<Member>,
}

/// An image of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Member {
    /// The image.
    pub file: PathBuf,
    /// Its class.
    pub class: String,
    /// `train`, `validation` or `test`, as in the data set.
    pub split: &'static str,
}

/// Labels that are probably wrong.
#[derive(Clone, Debug, Serialize)]
pub struct LabelReport {
    /// Out-of-fold accuracy of the classifier, 0 to 1. The suspects of an inaccurate classifier mean little.
    pub accuracy: f64,
    /// The suspects, the least probable label first.
    pub suspects: Vec<SuspectLabel>,
}

/// A label that is probably wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SuspectLabel {
    /// The image.
    pub file: PathBuf,
    /// The labelled class.
    pub given: String,
    /// The predicted class.
    pub likely: String,
    /// Probability of the labelled class.
    pub given_probability: f32,
    /// Probability of the predicted class.
    pub likely_probability: f32,
}

/// A class and its number of images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClassSize {
    /// The class.
    pub class: String,
    /// Its images in all splits.
    pub images: usize,
    /// Whether these are few: fewer than 20, or than a quarter of the mean of all classes.
    pub few: bool,
}

impl DataReport {
    /// The severity of the worst problem.
    pub fn worst(&self) -> Option<Severity> {
        self.problems.iter().map(|problem| problem.severity).max()
    }

    /// Fills in `problems`.
    pub(super) fn summarize(&mut self) {
        let mut problems = Vec::new();
        let mut add = |severity, kind: &str, images| {
            if images > 0 {
                problems.push(Problem { severity, kind: kind.to_owned(), images });
            }
        };
        add(Severity::Error, "unreadable", self.unreadable.len());
        add(Severity::Error, "empty class folders", self.empty.len());
        add(Severity::Error, "class folders without training images", self.untrained.len());
        let kinds = [(DuplicateKind::Exact, "copies"), (DuplicateKind::Near, "near-copies")];
        for (kind, name) in kinds {
            let count = |splits: bool, classes: bool| {
                let groups = self.duplicates.iter().filter(|group| {
                    group.kind == kind
                        && group.across_splits == splits
                        && (splits || group.across_classes == classes)
                });
                groups.map(|group| group.images.len()).sum()
            };
            add(Severity::Error, &format!("{name} across splits"), count(true, false));
            add(Severity::Error, &format!("{name} across classes"), count(false, true));
            add(Severity::Warning, &format!("{name} within a class"), count(false, false));
        }
        let suspects = self.labels.as_ref().map_or(0, |labels| labels.suspects.len());
        add(Severity::Warning, "label probably wrong", suspects);
        for flaw in Flaw::ALL {
            let found = self.flaws.iter().filter(|image| image.flaw.kind == flaw);
            add(Severity::Warning, flaw.name(), found.count());
        }
        let few = self.classes.iter().filter(|class| class.few);
        add(Severity::Warning, "in a class with few", few.map(|class| class.images).sum());
        // Stable, so that the order above is kept within a severity.
        problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
        self.problems = problems;
    }

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
        let (suspects, flaws) = (suspects.take(MAX_IMAGES), flaws.take(MAX_IMAGES));
        let entries: Vec<_> = duplicates.take(MAX_IMAGES).chain(suspects).chain(flaws).collect();
        self.draw(&entries, limits)
    }

    fn draw(&self, entries: &[Entry], limits: &Limits) -> Result<Vec<u8>, Error> {
        let photograph = |entry: &Entry| read(&self.root.join(&entry.file), limits);
        let photographs: Vec<Option<RgbImage>> = entries.iter().map(photograph).collect();
        let names: Vec<_> = entries.iter().map(|entry| entry.file.to_string_lossy()).collect();
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

pub(super) fn class_sizes(dataset: &Dataset) -> Vec<ClassSize> {
    let mut counts = vec![0; dataset.classes.len()];
    for sample in dataset.samples() {
        if let Some(count) = counts.get_mut(sample.class) {
            *count += 1;
        }
    }
    let mean = counts.iter().sum::<usize>() as f64 / counts.len().max(1) as f64;
    let classes = dataset.classes.iter().zip(counts);
    let size = |(class, images): (&String, usize)| ClassSize {
        class: class.clone(),
        images,
        few: images < MIN_IMAGES || (images as f64) < MIN_SHARE * mean,
    };
    classes.map(size).collect()
}

/// An image and its captions.
struct Entry {
    file: PathBuf,
    title: String,
    problem: String,
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
    let decoded = decode(&read_image(path, limits).ok()?, limits);
    shrink(decoded.ok()?.image, SIDE).ok()
}

#[cfg(test)]
mod tests {
    use pet_data::Sample;

    use super::*;

    #[test]
    fn classes_are_small_in_absolute_or_relative_terms() {
        let classes = [19, 20, 100, 24, 400];
        let sample = |(class, count): (usize, &usize)| {
            let sample = |number| Sample { path: format!("{class}/{number}").into(), class };
            (0..*count).map(sample).collect::<Vec<_>>()
        };
        let mut dataset = Dataset {
            name: "pets".into(),
            root: "pets".into(),
            classes: ["a", "b", "c", "d", "e"].map(Into::into).into(),
            train: classes.iter().enumerate().flat_map(sample).collect(),
            ..Dataset::default()
        };
        let few = |dataset: &Dataset| -> Vec<bool> {
            class_sizes(dataset).iter().map(|size| size.few).collect()
        };
        assert_eq!(few(&dataset), [true, true, false, true, false]);
        dataset.train.retain(|sample| sample.class < 3);
        assert_eq!(few(&dataset), [true, false, false, true, true]);
    }
}
