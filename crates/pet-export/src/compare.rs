//! The comparison of both versions as they are served.

use std::path::{Path, PathBuf};

use fs_err as fs;
use pet_model::Precision;
use pet_pipeline::evaluate::{ImageSet, evaluate_metrics};
use pet_pipeline::promote::{Contender, Gate, Measured, NoKnown, Promotion, latency_ms};
use pet_predict::{ImagePredictor, Options};

use crate::contest::{Contest, Contestant, precisions};
use crate::contest_images::ContestImages;
use crate::error::Error;
use crate::export::Exporter;
use crate::role::Role;

impl Contest {
    /// Measures both versions on the images, in each of the precisions, and compares them by the limits of `gate`. They are
    /// predicted as by the service: a version that `results` holds is measured as it is, and others are exported to a
    /// temporary folder. By default, the precisions are those in which `results` holds a version of the same registered model,
    /// or else fp32. A champion without an int8 model that is good enough is compared in fp32.
    ///
    /// Nothing is changed: [`promote`](crate::promote) moves the champion.
    ///
    /// # Errors
    ///
    /// [`Error::Contestant`] for a version that cannot be exported, [`Error::Incomparable`] for different classes,
    /// [`Error::Images`] for images that do not match the versions or cannot be read, [`Error::Predict`] or [`Error::Io`] for
    /// a model that cannot be loaded.
    pub fn compare(
        &self,
        exporter: &Exporter<'_>,
        images: &ContestImages<'_>,
        gate: &Gate,
        results: &Path,
        precisions: Option<&[Precision]>,
    ) -> Result<Promotion, Error> {
        let model = &self.challenger.selection.model_name;
        let precisions = precisions.map_or_else(|| served_precisions(results, model), Vec::from);
        let work = tempfile::tempdir()?;
        let stage = Stage { exporter, images, results, precisions, work: work.path() };
        let versions = self.both().map(|one| stage.load(one)).collect::<Result<Vec<_>, _>>()?;
        if let [challenger, champion] = versions.as_slice() {
            self.check_same_classes(classes(challenger), classes(champion))?;
        }
        let mut measured = measure(&versions, images)?.into_iter();
        let (challenger, champion) = (measured.next().unwrap_or_default(), measured.next());
        let of = |one: &Contestant| Contender::new(one.version, &one.selection.run_id);
        Ok(Promotion::new(
            model,
            gate,
            images.description(),
            (of(&self.challenger), &challenger),
            self.champion.as_ref().map(of).zip(champion.as_deref()),
        )?)
    }
}

/// The precisions in which a folder holds a version of a registered model; fp32 if it holds another model.
fn served_precisions(folder: &Path, model: &str) -> Vec<Precision> {
    match precisions(folder, |kept| kept.model_name == model) {
        served if served.is_empty() => vec![Precision::Fp32],
        served => served,
    }
}

/// Loads versions as they are served.
struct Stage<'a> {
    exporter: &'a Exporter<'a>,
    images: &'a ContestImages<'a>,
    /// The results folder, which may contain one of the versions.
    results: &'a Path,
    precisions: Vec<Precision>,
    /// The folder for exported versions.
    work: &'a Path,
}

/// A version in one precision.
struct Model {
    precision: Precision,
    predictor: ImagePredictor,
    bytes: u64,
    /// Why the share of known images is not measured, if it is not.
    no_known: NoKnown,
}

impl Stage<'_> {
    /// A version in each precision.
    fn load(&self, one: &Contestant) -> Result<Vec<Model>, Error> {
        let (folder, precisions) = self.folder(one)?;
        let exported = self.images.no_known().filter(|_| folder != self.results);
        let no_known = exported.unwrap_or(NoKnown::NoDetection);
        let model = |precision: Precision| {
            let options = Options::default().with_image(self.images.limits);
            let options = options.with_precision(Some(precision));
            Ok(Model {
                precision,
                predictor: ImagePredictor::load(self.exporter.runtime(), &folder, &options)?,
                bytes: fs::metadata(folder.join(precision.file()))?.len(),
                no_known,
            })
        };
        precisions.into_iter().map(model).collect()
    }

    /// The folder of a version and the precisions to measure. Exports the version unless the results folder contains it.
    fn folder(&self, one: &Contestant) -> Result<(PathBuf, Vec<Precision>), Error> {
        let wanted = &self.precisions;
        let served = one.precisions_in(self.results);
        if wanted.iter().all(|precision| served.contains(precision)) {
            return Ok((self.results.to_owned(), wanted.clone()));
        }
        let others = self.images.others();
        let outliers = self.images.no_known().is_none().then_some(others);
        let exporter = self.exporter.clone().with_outliers(outliers);
        let int8 = wanted.contains(&Precision::Int8).then_some(others);
        let folder = self.work.join(one.role.to_string());
        match one.export(&exporter.clone().with_int8(int8), &folder) {
            Ok(_) => Ok((folder, wanted.clone())),
            // The champion has no int8 model that passes, so it is not served in int8.
            Err(Error::Contestant { role: Role::Champion, source, .. })
                if matches!(*source, Error::Gate { .. }) =>
            {
                let note = format!("the champion is compared in fp32: {source}");
                self.images.progress.message(&note);
                one.export(&exporter, &folder)?;
                Ok((folder, vec![Precision::Fp32]))
            }
            Err(error) => Err(error),
        }
    }
}

/// The classes of a version.
fn classes(models: &[Model]) -> &[String] {
    models.first().map_or(&[], |model| &model.predictor.metadata().classes)
}

/// Measures each version on the images, in each precision.
fn measure(
    versions: &[Vec<Model>],
    images: &ContestImages<'_>,
) -> Result<Vec<Vec<Measured>>, Error> {
    let models = || versions.iter().flatten();
    let evaluate = |model: &Model| {
        let (name, classes) = (images.held_out.name(), &model.predictor.metadata().classes);
        let set = ImageSet::new(name, &images.dataset, images.samples(), classes)?;
        evaluate_metrics(&model.predictor, &set, images.progress)
    };
    let evaluations = models().map(evaluate).collect::<Result<Vec<_>, _>>()?;
    let predictors: Vec<&ImagePredictor> = models().map(|model| &model.predictor).collect();
    let times = latency_ms(&predictors, images.samples())?;
    let mut metrics = evaluations.iter().zip(times);
    let measured = |models: &Vec<Model>| {
        let measured = models.iter().zip(metrics.by_ref()).map(|(model, (evaluation, time))| {
            let measured = Measured::new(model.precision, evaluation, time, model.bytes);
            measured.with_no_known(model.no_known)
        });
        measured.collect()
    };
    Ok(versions.iter().map(measured).collect())
}
