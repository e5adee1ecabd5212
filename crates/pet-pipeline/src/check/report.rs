//! Everything that a check found.

use std::path::PathBuf;

use pet_data::picture::FoundFlaw;
use serde::Serialize;

use super::balance::ClassSize;
use super::problem::{Problem, Severity};

/// What a data set was found to be. Files are named below its folder.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct DataReport {
    /// The data set's name.
    pub dataset: String,
    /// Its folder, which the files lie below.
    pub root: PathBuf,
    /// How many pictures it lists.
    pub images: usize,
    /// The kinds of problems that were found, the worst first.
    pub problems: Vec<Problem>,
    /// Pictures that cannot be read.
    pub unreadable: Vec<UnreadableFile>,
    /// Pictures on which little can be seen.
    pub flaws: Vec<FlawedImage>,
    /// Pictures that show the same.
    pub duplicates: Vec<DuplicateGroup>,
    /// Labels that are probably wrong; `None` where they could not be checked.
    pub labels: Option<LabelReport>,
    /// All classes with their numbers of pictures.
    pub classes: Vec<ClassSize>,
}

/// A picture that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnreadableFile {
    /// The picture.
    pub file: PathBuf,
    /// Why not.
    pub reason: String,
    /// What can be done about it.
    pub hint: Option<String>,
}

/// A picture on which little can be seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlawedImage {
    /// The picture.
    pub file: PathBuf,
    /// What is wrong.
    #[serde(flatten)]
    pub flaw: FoundFlaw,
}

/// How alike the pictures of a group are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Likeness {
    /// The same in every pixel.
    Exact,
    /// Scaled, cut, mirrored or compressed from the same, or taken in the same moment.
    Near,
}

/// Pictures that show the same.
#[derive(Clone, Debug, Serialize)]
pub struct DuplicateGroup {
    /// How alike they are.
    pub kind: Likeness,
    /// The least of the correlations that hold the group together, 0 to 1.
    pub similarity: f32,
    /// Whether they lie in several classes.
    pub across_classes: bool,
    /// Whether they lie in several splits.
    pub across_splits: bool,
    /// The pictures.
    pub images: Vec<Member>,
}

/// A picture of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Member {
    /// The picture.
    pub file: PathBuf,
    /// Its class.
    pub class: String,
    /// `train`, `validation` or `test`, as the data set divides itself.
    pub split: &'static str,
}

/// Labels that are probably wrong.
#[derive(Clone, Debug, Serialize)]
pub struct LabelReport {
    /// Share of the pictures whose label is what a classifier takes for likeliest that has not seen them, 0 to 1. Where
    /// it is low, its suspicions say little.
    pub accuracy: f64,
    /// The least probable labels first.
    pub suspects: Vec<SuspectLabel>,
}

/// A label that is probably wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SuspectLabel {
    /// The picture.
    pub file: PathBuf,
    /// The class that it lies in.
    pub given: String,
    /// The class that it is taken for.
    pub likely: String,
    /// Probability of the class that it lies in.
    pub given_probability: f32,
    /// Probability of the class that it is taken for.
    pub likely_probability: f32,
}

impl DataReport {
    /// How much the worst of the problems matters.
    pub fn worst(&self) -> Option<Severity> {
        self.problems.iter().map(|problem| problem.severity).max()
    }

    /// Counts the kinds of problems.
    pub(super) fn summarize(&mut self) {
        let mut problems = Vec::new();
        let mut add = |severity, kind: &str, images| {
            if images > 0 {
                let kind = kind.to_owned();
                problems.push(Problem {
                    severity,
                    kind,
                    images,
                });
            }
        };
        add(Severity::Error, "unreadable", self.unreadable.len());
        for (kind, name) in [(Likeness::Exact, "copies"), (Likeness::Near, "near-copies")] {
            let count = |splits: bool, classes: bool| {
                let groups = self.duplicates.iter().filter(|group| {
                    group.kind == kind
                        && group.across_splits == splits
                        && (splits || group.across_classes == classes)
                });
                groups.map(|group| group.images.len()).sum()
            };
            add(
                Severity::Error,
                &format!("{name} across splits"),
                count(true, false),
            );
            add(
                Severity::Error,
                &format!("{name} across classes"),
                count(false, true),
            );
            add(
                Severity::Warning,
                &format!("{name} within a class"),
                count(false, false),
            );
        }
        let suspects = self
            .labels
            .as_ref()
            .map_or(0, |labels| labels.suspects.len());
        add(Severity::Warning, "label probably wrong", suspects);
        for flaw in pet_data::picture::Flaw::ALL {
            let found = self.flaws.iter().filter(|image| image.flaw.kind == flaw);
            add(Severity::Warning, flaw.name(), found.count());
        }
        let few = self.classes.iter().filter(|class| class.few);
        add(
            Severity::Warning,
            "in a class with few",
            few.map(|class| class.images).sum(),
        );
        // A stable sort: within a severity the order above remains.
        problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
        self.problems = problems;
    }
}
