//! Data set checks: unreadable and poor images, duplicates, label errors, small classes.
//!
//! ```no_run
//! use pet_data::{Silent, folder};
//! use pet_pipeline::check::{DataCheck, Severity};
//!
//! let dataset = folder::load("photos".as_ref())?;
//! let check = DataCheck::new(&dataset, "cache", &Silent).with_backbone("mobilenet_v2.safetensors");
//! let report = check.run()?;
//! for problem in &report.problems {
//!     println!("{} {}", problem.images, problem.kind);
//! }
//! assert_ne!(report.worst(), Some(Severity::Error));
//! # Ok::<(), pet_pipeline::Error>(())
//! ```

mod duplicates;
mod labels;
mod report;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use pet_data::picture::{Duplicates, Picture, inspect};
use pet_data::{Dataset, Progress, ReadError, Sample};
use pet_image::Limits;
use pet_train::Interrupt;

use self::labels::Inputs;
use self::report::class_sizes;
use crate::error::Error;

pub use duplicates::{CopiedImage, DuplicateImages, ExcludedImages, Leak};
pub use labels::{LabelError, OutOfFold, label_errors};
pub use report::{
    ClassSize, DataReport, DuplicateGroup, DuplicateKind, FlawedImage, LabelReport, Member,
    Problem, Severity, SuspectLabel, UnreadableFile,
};

/// Checks a data set.
pub struct DataCheck<'a> {
    dataset: &'a Dataset,
    cache: PathBuf,
    backbone: Option<PathBuf>,
    limits: Limits,
    interrupt: Interrupt,
    hint: fn(&pet_image::Error) -> Option<String>,
    progress: &'a dyn Progress,
}

impl<'a> DataCheck<'a> {
    /// A check of this data set, which caches features.
    pub fn new(
        dataset: &'a Dataset,
        cache: impl Into<PathBuf>,
        progress: &'a dyn Progress,
    ) -> Self {
        Self {
            dataset,
            cache: cache.into(),
            backbone: None,
            limits: Limits::default(),
            interrupt: Interrupt::default(),
            hint: pet_image::Error::hint,
            progress,
        }
    }

    /// Also checks labels, with a classifier on top of a network with these weights.
    #[must_use]
    pub fn with_backbone(self, file: impl Into<PathBuf>) -> Self {
        Self { backbone: Some(file.into()), ..self }
    }

    /// Sets the maximum size of an image.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Replaces the hints of [`pet_image`] for images that cannot be read.
    #[must_use]
    pub fn with_hints(self, hint: fn(&pet_image::Error) -> Option<String>) -> Self {
        Self { hint, ..self }
    }

    /// Makes the check interruptible.
    #[must_use]
    pub fn with_interrupt(self, interrupt: Interrupt) -> Self {
        Self { interrupt, ..self }
    }

    /// Runs all checks.
    ///
    /// # Errors
    ///
    /// When it is interrupted, or the weights or the cache cannot be used. Problems with images are not errors, but part of
    /// the report.
    pub fn run(&self) -> Result<DataReport, Error> {
        let listed: Vec<&Sample> = self.dataset.samples().collect();
        let stop = || self.interrupt.check().is_err();
        let read = inspect(&listed, &self.limits, self.progress, &stop)?;
        let mut report = self.empty();
        let (mut samples, mut pictures) = (Vec::new(), Vec::new());
        for (&sample, picture) in listed.iter().zip(read) {
            match picture {
                Ok(picture) => {
                    report.flaws.extend(self.flaws(sample, &picture));
                    samples.push(sample);
                    pictures.push(picture);
                }
                Err(error) => report.unreadable.push(UnreadableFile {
                    file: self.file(&sample.path),
                    reason: error.reason(),
                    hint: match &error {
                        ReadError::Image(error) => (self.hint)(error),
                        _ => None,
                    },
                }),
            }
        }
        let fingerprints: Vec<_> = pictures.iter().map(|one| &one.fingerprint).collect();
        let duplicates = Duplicates::find(&fingerprints, self.progress, &stop)?;
        report.duplicates = self.groups(&samples, &duplicates);
        report.labels = self.labels(&samples, &duplicates)?;
        report.summarize();
        Ok(report)
    }

    /// Out-of-fold predictions of these samples; `None` without two images that are not duplicates. Images of a group are in
    /// the same fold.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn out_of_fold(
        &self,
        samples: &[Sample],
        groups: &[Vec<PathBuf>],
        backbone: &Path,
    ) -> Result<Option<OutOfFold>, Error> {
        let inputs = Inputs {
            samples,
            groups,
            classes: self.dataset.classes.len(),
            backbone,
            cache: &self.cache,
            limits: self.limits,
            interrupt: &self.interrupt,
            progress: self.progress,
        };
        inputs.run()
    }

    fn empty(&self) -> DataReport {
        DataReport {
            dataset: self.dataset.name.clone(),
            root: self.dataset.root.clone(),
            images: self.dataset.samples().count(),
            problems: Vec::new(),
            unreadable: Vec::new(),
            empty: self.dataset.empty.iter().map(|path| self.file(path)).collect(),
            untrained: self.dataset.untrained.iter().map(|path| self.file(path)).collect(),
            flaws: Vec::new(),
            duplicates: Vec::new(),
            labels: None,
            classes: class_sizes(self.dataset),
        }
    }

    fn splits(&self) -> HashMap<&Path, &'static str> {
        let Dataset { train, validation, test, added, .. } = self.dataset;
        let all = [(train, "train"), (added, "train"), (validation, "validation"), (test, "test")];
        let named = all.iter().flat_map(|(samples, name)| {
            samples.iter().map(move |sample| (sample.path.as_path(), *name))
        });
        named.collect()
    }

    /// The path relative to the data set's folder; an absolute path for added images.
    fn file(&self, path: &Path) -> PathBuf {
        if let Ok(below) = path.strip_prefix(&self.dataset.root) {
            return below.to_owned();
        }
        std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
    }

    fn class(&self, class: usize) -> String {
        self.dataset.classes.get(class).cloned().unwrap_or_default()
    }

    fn flaws(&self, sample: &Sample, picture: &Picture) -> Vec<FlawedImage> {
        let file = self.file(&sample.path);
        let flaw = |flaw| FlawedImage { file: file.clone(), flaw };
        picture.flaws().into_iter().map(flaw).collect()
    }

    fn groups(&self, samples: &[&Sample], duplicates: &Duplicates) -> Vec<DuplicateGroup> {
        let splits = self.splits();
        let member = |index: &usize| {
            let sample = samples[*index];
            Member {
                file: self.file(&sample.path),
                class: self.class(sample.class),
                split: splits.get(sample.path.as_path()).copied().unwrap_or_default(),
            }
        };
        let group = |kind, similarity, members: &[usize]| {
            let images: Vec<Member> = members.iter().map(member).collect();
            let differ =
                |of: fn(&Member) -> &str| images.windows(2).any(|two| of(&two[0]) != of(&two[1]));
            DuplicateGroup {
                kind,
                similarity,
                across_classes: differ(|member| &member.class),
                across_splits: differ(|member| member.split),
                images,
            }
        };
        let exact = duplicates.exact.iter().map(|one| group(DuplicateKind::Exact, 1.0, one));
        let near = duplicates.near.iter();
        let near = near.map(|one| group(DuplicateKind::Near, one.similarity, &one.members));
        let mut groups: Vec<_> = exact.chain(near).collect();
        groups.sort_by_key(|group| (!group.across_splits, !group.across_classes));
        groups
    }

    fn labels(
        &self,
        samples: &[&Sample],
        duplicates: &Duplicates,
    ) -> Result<Option<LabelReport>, Error> {
        let Some(backbone) = &self.backbone else {
            return Ok(None);
        };
        let samples: Vec<Sample> = samples.iter().map(|&sample| sample.clone()).collect();
        let paths = |group: &Vec<usize>| -> Vec<PathBuf> {
            group.iter().map(|&index| samples[index].path.clone()).collect()
        };
        let together = duplicates.together(samples.len());
        let groups: Vec<Vec<PathBuf>> = together.iter().map(paths).collect();
        let Some(predictions) = self.out_of_fold(&samples, &groups, backbone)? else {
            return Ok(None);
        };
        let labels: Vec<usize> = samples.iter().map(|sample| sample.class).collect();
        let found = label_errors(&predictions.probabilities, &labels).into_iter();
        let suspects = found.map(|error| SuspectLabel {
            file: self.file(&samples[error.image].path),
            given: self.class(error.given),
            likely: self.class(error.likely),
            given_probability: error.given_probability,
            likely_probability: error.likely_probability,
        });
        Ok(Some(LabelReport { accuracy: predictions.accuracy, suspects: suspects.collect() }))
    }
}
