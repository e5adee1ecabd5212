//! The two versions of `pet-cli promote`, loaded as for serving.

use std::path::{Path, PathBuf};

use fs_err as fs;
use pet_data::{Dataset, Progress, Sample, Split};
use pet_export::{Contest, Contestant, Error, Exporter, Int8, Outliers, Role};
use pet_model::Precision;
use pet_pipeline::evaluate::{ImageSet, evaluate_metrics};
use pet_pipeline::promote::{Measured, NoKnown, latency_ms};
use pet_predict::{ImagePredictor, Limits, Options, Runtime};

use crate::failure::Failure;
use crate::progress::Bars;

/// The images on which both versions are measured.
pub(super) struct Images {
    pub(super) dataset: Dataset,
    /// The training and validation images, for outlier detection and int8 models.
    pub(super) parts: Split,
    pub(super) samples: Vec<Sample>,
    /// The name of the split of `samples`.
    pub(super) split: &'static str,
}

impl Images {
    pub(super) fn description(&self) -> String {
        let (count, split) = (self.samples.len(), self.split);
        format!("{count} {split} images of {}", self.dataset.name)
    }

    /// Why a version that is exported for the comparison does not learn to detect outliers, if it does not.
    fn no_known(&self) -> Option<NoKnown> {
        if self.split == "validation" {
            return Some(NoKnown::SameImages);
        }
        let lacking = self.parts.train.is_empty() || self.parts.validation.is_empty();
        lacking.then_some(NoKnown::NoTrainingImages)
    }
}

/// Loads versions.
pub(super) struct Source<'a> {
    pub(super) exporter: Exporter<'a>,
    pub(super) runtime: &'a Runtime,
    /// The results folder, which may contain one of the versions.
    pub(super) results: &'a Path,
    pub(super) precisions: &'a [Precision],
    pub(super) limits: Limits,
    pub(super) bars: &'a Bars,
}

/// A version in all its precisions.
pub(super) struct Served {
    models: Vec<Model>,
    /// Why the share of known images is not measured, if it is not.
    no_known: NoKnown,
}

/// A version in one precision.
struct Model {
    precision: Precision,
    predictor: ImagePredictor,
    bytes: u64,
}

impl Source<'_> {
    /// Loads both versions, the challenger first.
    pub(super) fn load(
        &self,
        contest: &Contest,
        images: &Images,
        work: &Path,
    ) -> Result<Vec<Served>, Failure> {
        let bars = self.bars;
        let (train, validation) = (&images.parts.train, &images.parts.validation);
        let outliers =
            Outliers::new(&images.dataset, train, validation, bars).with_limits(self.limits);
        let outliers = images.no_known().is_none().then_some(&outliers);
        let int8 = Int8::new(&images.dataset, validation, bars).with_limits(self.limits);
        let int8 = self.precisions.contains(&Precision::Int8).then_some(&int8);
        let exporter = self.exporter.clone().with_outliers(outliers);
        let load = |one: &Contestant| {
            let (folder, precisions) = self.folder(one, &exporter, int8, work)?;
            let exported = images.no_known().filter(|_| folder != self.results);
            let no_known = exported.unwrap_or(NoKnown::NoDetection);
            Served::load(self, &folder, &precisions, no_known)
        };
        contest.both().map(load).collect()
    }

    /// The folder of a version and the precisions to measure. Exports the version unless the results folder contains it.
    fn folder(
        &self,
        one: &Contestant,
        exporter: &Exporter<'_>,
        int8: Option<&Int8<'_>>,
        work: &Path,
    ) -> Result<(PathBuf, Vec<Precision>), Failure> {
        let wanted = self.precisions;
        let served = one.precisions_in(self.results);
        if wanted.iter().all(|precision| served.contains(precision)) {
            return Ok((self.results.to_owned(), wanted.to_vec()));
        }
        let folder = work.join(one.role.to_string());
        match one.export(&exporter.clone().with_int8(int8), &folder) {
            Ok(_) => Ok((folder, wanted.to_vec())),
            // The champion has no int8 model that passes, so it is not served in int8.
            Err(Error::Contestant { role: Role::Champion, source, .. })
                if matches!(*source, Error::Gate { .. }) =>
            {
                self.bars.message(&format!("the champion is compared in fp32: {source}"));
                one.export(exporter, &folder)?;
                Ok((folder, vec![Precision::Fp32]))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Served {
    fn load(
        source: &Source<'_>,
        folder: &Path,
        precisions: &[Precision],
        no_known: NoKnown,
    ) -> Result<Self, Failure> {
        let load = |&precision: &Precision| {
            let options =
                Options::default().with_image(source.limits).with_precision(Some(precision));
            Ok(Model {
                precision,
                predictor: ImagePredictor::load(source.runtime, folder, &options)?,
                bytes: fs::metadata(folder.join(precision.file()))?.len(),
            })
        };
        let models = precisions.iter().map(load);
        let models = models.collect::<Result<_, Failure>>()?;
        Ok(Self { models, no_known })
    }

    pub(super) fn classes(&self) -> &[String] {
        let first = self.models.first();
        first.map_or(&[], |model| &model.predictor.metadata().classes)
    }
}

/// Measures each version on the images, in each precision.
pub(super) fn measure(
    all: &[Served],
    images: &Images,
    progress: &dyn Progress,
) -> Result<Vec<Vec<Measured>>, Failure> {
    let models = || all.iter().flat_map(|served| &served.models);
    let mut evaluations = Vec::new();
    for model in models() {
        let classes = &model.predictor.metadata().classes;
        let set = ImageSet::new(images.split, &images.dataset, &images.samples, classes)?;
        evaluations.push(evaluate_metrics(&model.predictor, &set, progress)?);
    }
    let predictors: Vec<&ImagePredictor> = models().map(|model| &model.predictor).collect();
    let times = latency_ms(&predictors, &images.samples)?;
    let mut metrics = evaluations.iter().zip(times);
    let measured = |served: &Served| {
        let models = served.models.iter().zip(metrics.by_ref());
        let measured = models.map(|(model, (evaluation, time))| {
            let measured = Measured::new(model.precision, evaluation, time, model.bytes);
            measured.with_no_known(served.no_known)
        });
        measured.collect()
    };
    Ok(all.iter().map(measured).collect())
}
