//! `pet-cli promote`

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use fs_err as fs;
use mlflow_client::Client;
use pet_data::{Dataset, Progress, Sample};
use pet_export::{Contest, Contestant, Exporter, VersionRef};
use pet_model::{MODEL_FILE, Precision, stage_json};
use pet_pipeline::evaluate::{ImageSet, evaluate_figures};
use pet_pipeline::promote::{
    Contender, Gate, Measured, Promotion, Verdict, check_trained_on, latency_ms,
};
use pet_predict::{ImagePredictor, Limits, Options, Runtime};
use serde_json::json;

use super::promote_args::GateArguments;
use super::promote_report;
use crate::arguments::{
    CacheArgument, DatasetArguments, JsonArgument, ModelNameArgument, TrackingArguments,
};
use crate::failure::Failure;
use crate::progress::Bars;
use crate::{output, tracking, workspace};

/// Let the challenger become the champion, if it passes
///
/// Exports the versions with the aliases `challenger` and `champion`, predicts the same images with both as the service
/// does, and holds the figures against limits: accuracy, each class, calibration, latency, size, and McNemar's exact test
/// on the images that only one of them gets right. The alias `champion` moves only if every limit is met; without a
/// champion, only the absolute limits count. The comparison is written to a file and noted in tags of the version.
///
/// With a file of limits, figures are named as MLflow's model validation has them:
/// `{"accuracy": {"threshold": 0.9, "min_absolute_change": 0.005}}`
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli promote                               on the validation images of the Oxford-IIIT Pet data set
  pet-cli promote --split test --min-accuracy 0.85 --max-latency 20
  pet-cli promote --gate gate.json --dry-run    only compare
  pet-cli promote --require-better              better by more than chance

Exit status: 0 promoted, or the champion already; 1 refused, or the work failed.")]
pub(crate) struct Arguments {
    /// Promote this version
    #[arg(long, value_name = "NUMBER", conflicts_with = "alias")]
    version: Option<u32>,
    /// Promote the version that this alias points to
    #[arg(long, value_name = "NAME", default_value = pet_export::CHALLENGER)]
    alias: String,
    #[command(flatten)]
    limits: GateArguments,
    /// Compare, and change nothing in the registry
    #[arg(long)]
    dry_run: bool,
    /// File for the comparison
    #[arg(long, value_name = "FILE", default_value = "promotion.json")]
    output: PathBuf,
    #[command(flatten)]
    dataset: DatasetArguments,
    /// Which images
    #[arg(long, value_enum, default_value_t = SplitName::Validation)]
    split: SplitName,
    /// Seed of the split that the models were trained with
    #[arg(long, default_value_t = 42)]
    seed: u64,
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
    /// The images that the best epochs were chosen with
    #[value(alias = "val")]
    Validation,
    /// The images that are kept for evaluation
    Test,
}

impl Arguments {
    fn wanted(&self) -> VersionRef<'_> {
        self.version
            .map_or(VersionRef::Alias(&self.alias), VersionRef::Version)
    }
}

pub(crate) fn run(arguments: &Arguments, bars: &Bars) -> Result<(), Failure> {
    let gate = arguments.limits.gate()?;
    let client = tracking::required(&arguments.tracking)?;
    let model = tracking::model_name(&client, &arguments.model_name)?;
    let contest = Contest::find(&client, &model, arguments.wanted())?;
    if contest.is_settled() {
        return settled(arguments, &model, contest.challenger.version);
    }
    let images = images(arguments, &contest, bars)?;
    let promotion = compare(arguments, &client, &contest, &gate, &images, bars)?;
    // Whether the file can be written is known before anything changes in the registry.
    let report = stage_json(&arguments.output, &promotion)?;
    if !arguments.dry_run {
        pet_export::promote(&client, &promotion)?;
    }
    report.publish()?;
    tell(arguments, &promotion)
}

fn settled(arguments: &Arguments, model: &str, version: u32) -> Result<(), Failure> {
    if arguments.json.json {
        return output::json(&json!({ "model": model, "version": version, "verdict": "champion" }));
    }
    output::line(format_args!(
        "version {version} of `{model}` is the champion already"
    ))
}

/// The images that both are measured on.
struct Images {
    dataset: Dataset,
    samples: Vec<Sample>,
    split: &'static str,
}

impl Images {
    /// In words, for people who read it later.
    fn words(&self) -> String {
        let (count, split) = (self.samples.len(), self.split);
        format!("{count} {split} images of {}", self.dataset.name)
    }
}

/// Refuses images that one of the two may have been trained on.
fn images(arguments: &Arguments, contest: &Contest, bars: &Bars) -> Result<Images, Failure> {
    let load = || arguments.dataset.source.data().load(bars);
    if arguments.split == SplitName::Test {
        if let Err(error) = contest.check_same_data() {
            bars.message(&format!(
                "note: {error}; the test images must be new to both"
            ));
        }
        let dataset = load()?;
        let (samples, split) = (dataset.test.clone(), "test");
        return Ok(Images {
            dataset,
            samples,
            split,
        });
    }
    contest.check_same_data()?;
    if let Some(run_id) = contest.both().find_map(|one| one.refit_of.clone()) {
        return Err(Failure::ValidationTrained { run_id });
    }
    let dataset = load()?;
    let (seed, cache) = (arguments.seed, &arguments.cache);
    let parts = arguments.dataset.split(&dataset, seed, cache, bars)?;
    if let Some(trained_on) = &contest.challenger.selection.dataset {
        let grouped = arguments.dataset.group_duplicates;
        check_trained_on(trained_on, &dataset, &parts, seed, grouped)?;
    }
    let (samples, split) = (parts.validation, "validation");
    Ok(Images {
        dataset,
        samples,
        split,
    })
}

/// Exports and measures both.
fn compare(
    arguments: &Arguments,
    client: &Client,
    contest: &Contest,
    gate: &Gate,
    images: &Images,
    bars: &Bars,
) -> Result<Promotion, Failure> {
    let runtime = workspace::runtime(&arguments.cache)?;
    let place = tempfile::tempdir()?;
    let exporter = Exporter::new(client, &runtime);
    let limits = arguments.dataset.limits.limits();
    let served = |one| Served::new(one, &exporter, &runtime, place.path(), limits);
    let served = contest.both().map(served).collect::<Result<Vec<_>, _>>()?;
    let classes: Vec<&[String]> = served.iter().map(Served::classes).collect();
    contest.check_same_classes(&classes)?;
    let mut measured = measure(&served, images, bars)?.into_iter();
    let challenger = measured.next();
    let (Some(challenger), champion) = (challenger, measured.next()) else {
        return Err(Failure::NoImages {
            folder: images.dataset.root.clone(),
        });
    };
    let of =
        |one: &Contestant, figures| Contender::new(one.version, &one.selection.run_id, figures);
    let beside = contest.champion.as_ref().zip(champion.as_ref());
    Ok(Promotion::new(
        &contest.challenger.selection.model_name,
        gate,
        images.words(),
        (of(&contest.challenger, &challenger), &challenger),
        beside.map(|(one, figures)| (of(one, figures), figures)),
    )?)
}

/// A version as it would be served.
struct Served {
    predictor: ImagePredictor,
    bytes: u64,
}

impl Served {
    fn new(
        one: &Contestant,
        exporter: &Exporter<'_>,
        runtime: &Runtime,
        place: &Path,
        limits: Limits,
    ) -> Result<Self, Failure> {
        let folder = place.join(one.role.to_string());
        one.export(exporter, &folder)?;
        let options = Options::default()
            .with_image(limits)
            .with_precision(Some(Precision::Fp32));
        Ok(Self {
            predictor: ImagePredictor::load(runtime, &folder, &options)?,
            bytes: fs::metadata(folder.join(MODEL_FILE))?.len(),
        })
    }

    fn classes(&self) -> &[String] {
        &self.predictor.metadata().classes
    }
}

/// What each version reaches on the images.
fn measure(all: &[Served], images: &Images, bars: &Bars) -> Result<Vec<Measured>, Failure> {
    let mut evaluations = Vec::new();
    for one in all {
        let set = ImageSet::new(
            images.split,
            &images.dataset,
            &images.samples,
            one.classes(),
        )?;
        evaluations.push(evaluate_figures(&one.predictor, &set, bars)?);
    }
    let predictors: Vec<&ImagePredictor> = all.iter().map(|one| &one.predictor).collect();
    let times = latency_ms(&predictors, &images.samples)?;
    let measured = evaluations.iter().zip(times).zip(all);
    let measured =
        measured.map(|((evaluation, time), one)| Measured::new(evaluation, time, one.bytes));
    Ok(measured.collect())
}

/// Prints the outcome; a refusal is a failure.
fn tell(arguments: &Arguments, promotion: &Promotion) -> Result<(), Failure> {
    let (model, version) = (&promotion.model, promotion.challenger.version);
    if arguments.json.json {
        output::json(promotion)?;
    } else {
        promote_report::print(promotion)?;
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
    let before = before.map_or("the first".into(), |one| {
        format!("before: version {}", one.version)
    });
    output::line(if arguments.dry_run {
        format!("\nversion {version} of `{model}` passes; nothing was changed")
    } else {
        format!("\nversion {version} of `{model}` is now `champion` ({before})")
    })
}
