//! The result of a check.

use std::path::PathBuf;

use pet_data::picture::FoundFlaw;
use serde::Serialize;

use super::balance::ClassSize;
use super::problem::{Problem, Severity};

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
    /// Images of poor quality.
    pub flaws: Vec<FlawedImage>,
    /// Groups of duplicates.
    pub duplicates: Vec<DuplicateGroup>,
    /// Labels that are probably wrong; `None` if they were not checked.
    pub labels: Option<LabelReport>,
    /// All classes with their numbers of images.
    pub classes: Vec<ClassSize>,
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
                let kind = kind.to_owned();
                problems.push(Problem { severity, kind, images });
            }
        };
        add(Severity::Error, "unreadable", self.unreadable.len());
        add(Severity::Error, "empty class folders", self.empty.len());
        for (kind, name) in [(DuplicateKind::Exact, "copies"), (DuplicateKind::Near, "near-copies")]
        {
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
        for flaw in pet_data::picture::Flaw::ALL {
            let found = self.flaws.iter().filter(|image| image.flaw.kind == flaw);
            add(Severity::Warning, flaw.name(), found.count());
        }
        let few = self.classes.iter().filter(|class| class.few);
        add(Severity::Warning, "in a class with few", few.map(|class| class.images).sum());
        // Stable, so that the order above is kept within a severity.
        problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
        self.problems = problems;
    }
}
