//! `pet-cli promote`

mod gate;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use fs_err as fs;
use mlflow_client::Client;
use pet_data::{Dataset, Progress, Sample, Split};
use pet_export::{Contest, Contestant, Error, Exporter, Int8, Outliers, Role, VersionRef};
use pet_model::{Precision, stage_json};
use pet_pipeline::evaluate::{ImageSet, evaluate_metrics};
use pet_pipeline::promote::{Contender, Gate, Measured, NoKnown, Promotion, Verdict, latency_ms};
use pet_predict::{ImagePredictor, Limits, Options, Runtime};
use serde_json::json;

use self::gate::GateArguments;
use crate::arguments::{CacheArgument, JsonArgument};
use crate::dataset::{TrainedDataArguments, TrainingRecord};
use crate::failure::Failure;
use crate::output::{self, Bars};
use crate::tracking::{ModelNameArgument, TrackingArguments};

/// Make the challenger the champion if it passes
///
/// Exports the versions with the aliases `challenger` and `champion`, unless the results folder already holds them, predicts
/// the same images with both as the service does, and compares their metrics with limits: accuracy, each class,
/// calibration, pets taken for something else, latency, size, and McNemar's exact test on the images that only one of them
/// gets right. The alias `champion` moves only if every limit is met, in every precision that is served; without a
/// champion, only the absolute limits count. The comparison is written to a file and recorded in tags of the version.
///
/// Limits can be given in a file with the names of MLflow's model validation:
/// `{"accuracy": {"threshold": 0.9, "min_absolute_change": 0.005}}`
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli promote                               on the validation images of the Oxford-IIIT Pet data set
  pet-cli promote --split test --min-accuracy 0.85 --max-latency 20
  pet-cli promote --gate gate.json --dry-run    only compare
  pet-cli promote --require-better              must be significantly better
  pet-cli promote --precision both              in 8-bit integers too

Exit status: 0 promoted, or already the champion; 1 rejected, or another failure.")]
pub(crate) struct Arguments {
    /// Promote this version
    #[arg(long, value_name = "NUMBER", conflicts_with = "alias")]
    version: Option<u32>,
    /// Promote the version with this alias
    #[arg(long, value_name = "NAME", default_value = pet_export::CHALLENGER)]
    alias: String,
    /// Precision of the models; each one that is served must pass
    #[arg(long, value_enum, default_value_t = PrecisionChoice::Auto)]
    precision: PrecisionChoice,
    /// Folder of the exported model; a version that it already contains is measured as it is
    #[arg(long, value_name = "DIR", default_value = "results", env = "PET_RESULTS")]
    results: PathBuf,
    #[command(flatten)]
    limits: GateArguments,
    /// Only compare, without changing the registry
    #[arg(long)]
    dry_run: bool,
    /// Output file for the comparison
    #[arg(long, value_name = "FILE", default_value = "promotion.json")]
    output: PathBuf,
    #[command(flatten)]
    dataset: TrainedDataArguments,
    /// Which images
    #[arg(long, value_enum, default_value_t = SplitName::Validation)]
    split: SplitName,
    #[command(flatten)]
    model_name: ModelNameArgument,
    #[command(flatten)]
    tracking: TrackingArguments,
    #[command(flatten)]
    cache: CacheArgument,
    #[command(flatten)]
    json: JsonArgument,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SplitName {
    /// The images used to choose the best epochs
    #[value(alias = "val")]
    Validation,
    /// The images reserved for evaluation
    Test,
}

/// The precisions in which the versions are compared.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PrecisionChoice {
    /// Those in the results folder, if it holds a version of the same registered model, else fp32
    Auto,
    /// Floating-point numbers of 32 bits
    Fp32,
    /// The same and integers of 8 bits
    Both,
}

impl Arguments {
    /// The precisions in which versions of the model are compared.
    fn precisions(&self, model: &str) -> Vec<Precision> {
        match self.precision {
            PrecisionChoice::Fp32 => vec![Precision::Fp32],
            PrecisionChoice::Both => Precision::ALL.to_vec(),
            PrecisionChoice::Auto => match pet_export::served_precisions(&self.results, model) {
                served if served.is_empty() => vec![Precision::Fp32],
                served => served,
            },
        }
    }

    fn version(&self) -> VersionRef<'_> {
        self.version.map_or(VersionRef::Alias(&self.alias), VersionRef::Version)
    }
}

pub(crate) fn run(arguments: &Arguments, bars: &Bars) -> Result<(), Failure> {
    let gate = arguments.limits.gate()?;
    let client = arguments.tracking.required()?;
    let model = arguments.model_name.find(&client)?;
    let contest = Contest::find(&client, &model, arguments.version())?;
    if contest.is_settled() {
        return print_settled(arguments, &model, contest.challenger.version);
    }
    let record = TrainingRecord::of(&client, &contest.challenger.selection)?;
    let images = images(arguments, &contest, &record, bars)?;
    let promotion = compare(arguments, &client, &contest, &gate, &images, bars)?;
    // Fails before anything is changed in the registry if the file cannot be written.
    let report = stage_json(&arguments.output, &promotion)?;
    if !arguments.dry_run {
        pet_export::promote(&client, &promotion)?;
    }
    report.publish()?;
    print(arguments, &promotion)
}

fn print_settled(arguments: &Arguments, model: &str, version: u32) -> Result<(), Failure> {
    if arguments.json.json {
        return output::json(&json!({ "model": model, "version": version, "verdict": "champion" }));
    }
    output::line(format_args!("version {version} of `{model}` is already the champion"))
}

/// Loads images that neither version was trained on, and splits the others as in the training of the challenger.
fn images(
    arguments: &Arguments,
    contest: &Contest,
    record: &TrainingRecord,
    bars: &Bars,
) -> Result<Images, Failure> {
    let is_test = arguments.split == SplitName::Test;
    match contest.check_same_data() {
        Err(error) if is_test => bars
            .message(&format!("note: {error}; neither may have been trained on the test images")),
        checked => checked?,
    }
    let refit_of = contest.both().find_map(|one| one.refit_of.clone());
    if let Some(run_id) = refit_of.filter(|_| !is_test) {
        return Err(Failure::ValidationTrained { run_id });
    }
    let (data, cache) = (&arguments.dataset, &arguments.cache);
    let dataset = data.source.data().load(bars)?;
    let parts = data.split(&dataset, record, is_test, cache, bars)?;
    let (samples, split) = match arguments.split {
        SplitName::Test => (dataset.test.clone(), "test"),
        SplitName::Validation => (parts.validation.clone(), "validation"),
    };
    Ok(Images { dataset, parts, samples, split })
}

/// Measures and compares both versions as they are served.
fn compare(
    arguments: &Arguments,
    client: &Client,
    contest: &Contest,
    gate: &Gate,
    images: &Images,
    bars: &Bars,
) -> Result<Promotion, Failure> {
    let runtime = arguments.cache.runtime()?;
    let folder = tempfile::tempdir()?;
    let model = &contest.challenger.selection.model_name;
    let source = Source {
        exporter: Exporter::new(client, &runtime),
        runtime: &runtime,
        results: &arguments.results,
        precisions: &arguments.precisions(model),
        limits: arguments.dataset.limits.limits(),
        bars,
    };
    let served = source.load(contest, images, folder.path())?;
    let classes: Vec<&[String]> = served.iter().map(Served::classes).collect();
    contest.check_same_classes(&classes)?;
    let mut measured = measure(&served, images, bars)?.into_iter();
    let challenger = measured.next().unwrap_or_default();
    let champion = contest.champion.as_ref().zip(measured.next());
    let of = |one: &Contestant| Contender::new(one.version, &one.selection.run_id);
    let champion = champion.as_ref();
    Ok(Promotion::new(
        model,
        gate,
        images.description(),
        (of(&contest.challenger), &challenger),
        champion.map(|(one, measured)| (of(one), measured.as_slice())),
    )?)
}

/// Prints the outcome; a rejection is an error.
fn print(arguments: &Arguments, promotion: &Promotion) -> Result<(), Failure> {
    let (model, version) = (&promotion.model, promotion.challenger.version);
    if arguments.json.json {
        output::json(promotion)?;
    } else {
        gate::print(promotion)?;
    }
    if promotion.verdict != Verdict::Passed {
        return Err(Failure::NotPromoted {
            model: model.clone(),
            version,
            failed: promotion.failed(),
        });
    }
    if arguments.json.json {
        return Ok(());
    }
    let before = promotion.champion.as_ref();
    let before =
        before.map_or("the first".into(), |one| format!("previously version {}", one.version));
    output::line(if arguments.dry_run {
        format!("\nversion {version} of `{model}` passes; nothing was changed")
    } else {
        format!("\nversion {version} of `{model}` is now `champion` ({before})")
    })
}

/// The images on which both versions are measured.
struct Images {
    dataset: Dataset,
    /// The training and validation images, for outlier detection and int8 models.
    parts: Split,
    samples: Vec<Sample>,
    /// The name of the split of `samples`.
    split: &'static str,
}

impl Images {
    fn description(&self) -> String {
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
struct Source<'a> {
    exporter: Exporter<'a>,
    runtime: &'a Runtime,
    /// The results folder, which may contain one of the versions.
    results: &'a Path,
    precisions: &'a [Precision],
    limits: Limits,
    bars: &'a Bars,
}

/// A version in all its precisions.
struct Served {
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
    fn load(
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
            let models = precisions.into_iter().map(|precision| self.model(&folder, precision));
            Ok(Served { models: models.collect::<Result<_, Failure>>()?, no_known })
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

    fn model(&self, folder: &Path, precision: Precision) -> Result<Model, Failure> {
        let options = Options::default().with_image(self.limits).with_precision(Some(precision));
        Ok(Model {
            precision,
            predictor: ImagePredictor::load(self.runtime, folder, &options)?,
            bytes: fs::metadata(folder.join(precision.file()))?.len(),
        })
    }
}

impl Served {
    fn classes(&self) -> &[String] {
        let first = self.models.first();
        first.map_or(&[], |model| &model.predictor.metadata().classes)
    }
}

/// Measures each version on the images, in each precision.
fn measure(
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
