//! Arguments of all kinds of training.

use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;
use pet_image::{Augment, Preprocess, Resize};
use pet_pipeline::sweep::{Axis, Space};
use pet_pipeline::{Context, Error, Provenance, TrainSettings};
use pet_train::network::Architecture;
use pet_train::{Configuration, FineTune, Schedule, Weights};

use crate::arguments::{CacheArgument, JsonArgument, LimitArguments};
use crate::dataset::{SourceArguments, several_folders};
use crate::failure::Failure;
use crate::output::{self, Bars};
use crate::tracking::{EXPERIMENT, ModelNameArgument, TrackingArguments};

const LOCK: &str = include_str!("../../../../../Cargo.lock");

/// Packages that affect the results of a training.
const PACKAGES: [&str; 6] =
    ["candle-core", "fast_image_resize", "gemm", "pet-cli", "pet-image", "pet-train"];

/// The center crop of torchvision; crops of other sizes are scaled from it.
const CENTER_CROP: Resize = Resize::CenterCrop { resize: 256, size: 224 };

#[derive(Args)]
#[command(mut_args(several_folders))]
pub(crate) struct TrainArguments {
    #[command(flatten)]
    dataset: DatasetArguments,
    #[command(flatten)]
    pub(crate) hyperparameters: HyperParameters,
    /// How a photo becomes the network's square input, in training and serving: stretch, or stretch:SIZE for a size
    /// other than the backbone's (224 pixels; Lite1 240, Lite2 260); center-crop, the central square after resizing the
    /// shorter side to 8/7 of the size (256 for 224), or center-crop:RESIZE:SIZE
    #[arg(long, value_name = "RECIPE", default_value = "stretch", value_parser = square)]
    recipe: Square,
    /// The pretrained network to start from: `mobilenet_v2`, `efficientnet_lite0`, `efficientnet_lite1` or
    /// `efficientnet_lite2`, whose weights `pet-cli setup` downloads; or a .pt, .pth or .safetensors file with weights
    /// for one of them
    #[arg(long, value_name = "NAME|FILE", default_value = "mobilenet_v2")]
    backbone: PathBuf,
    /// MLflow experiment [default: `OxfordPetExperiment`]
    #[arg(long, value_name = "NAME", env = "MLFLOW_EXPERIMENT_NAME")]
    pub(crate) experiment: Option<String>,
    #[command(flatten)]
    pub(crate) model_name: ModelNameArgument,
    #[command(flatten)]
    pub(crate) tracking: TrackingArguments,
    /// Log system metrics every ten seconds, like MLflow's own client: `system/cpu_utilization_percentage`, memory,
    /// disk and network. `MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING=true` does the same
    #[arg(long)]
    system_metrics: bool,
    #[command(flatten)]
    pub(crate) cache: CacheArgument,
    #[command(flatten)]
    pub(crate) json: JsonArgument,
}

/// Which images to train on.
#[derive(Args)]
struct DatasetArguments {
    #[command(flatten)]
    source: SourceArguments,
    /// Share of the training images used for validation, unless the data set has validation images
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    validation_fraction: f64,
    /// Keep duplicates and near-duplicates on the same side of the split
    #[arg(long)]
    group_duplicates: bool,
    /// Keep photos with consecutive numbers, which often show the same animal, on the same side of the split, ten at a time
    #[arg(long)]
    group_series: bool,
    #[command(flatten)]
    limits: LimitArguments,
}

impl TrainArguments {
    pub(crate) fn settings(&self) -> Result<TrainSettings, Failure> {
        let hyperparameters = &self.hyperparameters;
        if let Some(option) = hyperparameters.without_effect() {
            return Err(Failure::FrozenLayers { option });
        }
        self.dataset.source.check()?;
        let (weights, backbone) = self.backbone()?;
        let mut settings = TrainSettings::new(self.dataset.source.data(), weights);
        self.dataset.source.additions().clone_into(&mut settings.additions);
        settings.validation_fraction = self.dataset.validation_fraction;
        settings.group_duplicates = self.dataset.group_duplicates;
        settings.group_series = self.dataset.group_series;
        settings.recipe = self.recipe.recipe(backbone);
        settings.train_size = hyperparameters.train_size;
        settings.augment = hyperparameters.augment();
        settings.configuration = hyperparameters.base();
        settings.teachers.clone_from(&hyperparameters.teacher);
        let experiment = self.experiment.clone();
        settings.experiment = experiment.unwrap_or_else(|| EXPERIMENT.into());
        let model_name = self.model_name.model_name.clone();
        settings.model_name = model_name.unwrap_or_else(|| settings.data.model_name());
        Ok(settings)
    }

    /// The weights and their network.
    fn backbone(&self) -> Result<(PathBuf, &'static Architecture), Failure> {
        let (path, network) = self.cache.weights(&self.backbone);
        if let Some(network) = network {
            return Ok((path, network));
        }
        if !path.is_file() {
            return Err(Error::NoBackbone { path }.into());
        }
        let weights = Weights::open(&path).map_err(Error::Train)?;
        Ok((path, weights.architecture()))
    }

    /// The context of the training, which Ctrl-C interrupts from now on. `source` is the name of the command.
    pub(crate) fn context<'a>(&self, source: &str, bars: &'a Bars) -> Result<Context<'a>, Failure> {
        let mut tracking = self.tracking.for_training()?;
        tracking.system_metrics.enabled |= self.system_metrics;
        let mut context = Context::new(tracking, self.cache.folder(), bars);
        let program = std::iter::once("pet-cli".to_owned());
        context.provenance = Provenance::collect(|name| std::env::var(name).ok())
            .with_command(source, program.chain(std::env::args().skip(1)))
            .with_packages(LOCK, &PACKAGES);
        context.limits = self.dataset.limits.limits();
        context.interrupt = output::on_ctrl_c()?;
        context.libraries = self.cache.libraries();
        Ok(context)
    }
}

/// Hyper-parameters. Defaults differ between training only the head and fine-tuning.
#[derive(Args)]
#[command(next_help_heading = "Hyper-parameters")]
pub(crate) struct HyperParameters {
    /// What to train: none (only the head), last:N (the head and the last N of the backbone's blocks, 19 in
    /// MobileNetV2) or all
    #[arg(long, value_name = "PART", default_value = "none", value_parser = fine_tune)]
    fine_tune: FineTune,
    /// Passes over the training images [default: 5; 9 when fine-tuning]
    #[arg(long, value_name = "COUNT")]
    pub(crate) epochs: Option<usize>,
    /// Images per step; several values make several runs [default: 32; 16 when fine-tuning]
    #[arg(long, value_name = "COUNT", num_args = 1..)]
    batch_size: Vec<usize>,
    /// Adam's learning rate for the head; several values make several runs [default: 0.001]
    #[arg(long, value_name = "RATE", num_args = 1..)]
    learning_rate: Vec<f64>,
    /// Adam's learning rate for the backbone; several values make several runs [default: 0.0001 when fine-tuning]
    #[arg(long, value_name = "RATE", num_args = 1..)]
    body_learning_rate: Vec<f64>,
    /// How the learning rates change over time [default: constant; cosine when fine-tuning]
    #[arg(long, value_name = "SCHEDULE", value_parser = schedule)]
    schedule: Option<Schedule>,
    /// Epochs over which the learning rates rise to their full value [default: 0; 0.5 when fine-tuning]
    #[arg(long, value_name = "EPOCHS")]
    warm_up: Option<f64>,
    /// Seed of the split, the initial weights, the order of images, augmentation and dropout
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Share of features set to zero during training; several values make several runs [default: 0.2]
    #[arg(long, value_name = "SHARE", num_args = 1..)]
    dropout: Vec<f64>,
    /// Decoupled weight decay; several values make several runs [default: 0; 0.01 when fine-tuning]
    #[arg(long, value_name = "DECAY", num_args = 1..)]
    weight_decay: Vec<f64>,
    /// Probability spread over all classes; several values make several runs [default: 0; 0.1 when fine-tuning]
    #[arg(long, value_name = "SHARE", num_args = 1..)]
    label_smoothing: Vec<f64>,
    /// Mix each photo with another: parameter of the beta distribution; several values make several runs [default: 0,
    /// none]
    #[arg(long, value_name = "ALPHA", num_args = 1..)]
    mixup: Vec<f64>,
    /// Decay of the running average of the weights, 0 for none; several values make several runs [default:
    /// 0; 0.998 when fine-tuning]
    #[arg(long, value_name = "SHARE", num_args = 1..)]
    average: Vec<f64>,
    /// Stop after this many epochs without a better validation accuracy [default: never]
    #[arg(long, value_name = "EPOCHS")]
    patience: Option<usize>,
    /// With --fine-tune all: also learn from the outputs of exported models, given as results folders or ONNX files;
    /// several are averaged. A teacher that was trained on the validation images, such as a refit or a model with
    /// another seed, makes the validation accuracy too high. Teachers predict every random crop, so an epoch takes
    /// longer
    #[arg(long, value_name = "DIR", num_args = 1..)]
    teacher: Vec<PathBuf>,
    /// With --teacher: the teachers' share of the loss; the rest is the labels' [default: 0.7]
    #[arg(long, value_name = "SHARE", requires = "teacher")]
    teacher_weight: Option<f64>,
    /// With --teacher: temperature that softens the teachers' probabilities, on top of their own [default: 2]
    #[arg(long, value_name = "TEMPERATURE", requires = "teacher")]
    teacher_temperature: Option<f64>,
    /// With --fine-tune all: train without random crops, mirroring and color changes
    #[arg(long)]
    no_augment: bool,
    /// With --fine-tune all: also rotate, shear, shift or recolor each photo with N random operations of magnitude M, 0
    /// to 10 [default: none]
    #[arg(long, value_name = "N:M", value_parser = operations, conflicts_with = "no_augment")]
    rand_augment: Option<(u32, f32)>,
    /// With --fine-tune all: probability of hiding a random part of each photo [default: 0]
    #[arg(long, value_name = "SHARE", value_parser = share, conflicts_with = "no_augment")]
    erase: Option<f32>,
    /// With --fine-tune all: image size in training; a smaller one than for serving is faster [default: the recipe's]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(32..=1024))]
    train_size: Option<u32>,
}

impl HyperParameters {
    /// All combinations of the options that take several values.
    pub(crate) fn configurations(&self) -> Result<Vec<Configuration>, Error> {
        let (grid, base) = (self.space()?.grid(), self.base());
        let configurations = grid.iter().map(|point| point.configure(&base));
        configurations.collect()
    }

    /// The search space of the options that take several values.
    pub(crate) fn space(&self) -> Result<Space, Error> {
        let base = self.base();
        let batch_sizes: Vec<f64> = self.batch_size.iter().map(|size| *size as f64).collect();
        let axes = [
            ("learning_rate", &self.learning_rate, base.learning_rate),
            ("body_learning_rate", &self.body_learning_rate, base.body_learning_rate),
            ("batch_size", &batch_sizes, base.batch_size as f64),
            ("dropout", &self.dropout, base.dropout),
            ("weight_decay", &self.weight_decay, base.weight_decay),
            ("label_smoothing", &self.label_smoothing, base.label_smoothing),
            ("mixup", &self.mixup, base.mixup),
            ("average", &self.average, base.average),
        ];
        let axes = axes.into_iter().map(|(name, given, base)| {
            let values = if given.is_empty() { vec![base] } else { given.clone() };
            Axis::new(name, values)
        });
        Ok(Space::new(axes.collect())?)
    }

    /// The values of all other options.
    fn base(&self) -> Configuration {
        let defaults = match self.fine_tune {
            FineTune::None => Configuration::default(),
            part => Configuration::fine_tuning(part),
        };
        Configuration {
            epochs: self.epochs.unwrap_or(defaults.epochs),
            schedule: self.schedule.unwrap_or(defaults.schedule),
            warm_up: self.warm_up.unwrap_or(defaults.warm_up),
            seed: self.seed,
            patience: self.patience,
            teacher_weight: self.teacher_weight.unwrap_or(defaults.teacher_weight),
            teacher_temperature: self.teacher_temperature.unwrap_or(defaults.teacher_temperature),
            ..defaults
        }
    }

    /// Data augmentation.
    fn augment(&self) -> Augment {
        if self.no_augment {
            return Augment::none();
        }
        let (operations, magnitude) = self.rand_augment.unwrap_or_default();
        Augment {
            operations,
            magnitude,
            erase: self.erase.unwrap_or_default(),
            ..Augment::standard()
        }
    }

    /// The first given option that has no effect on frozen layers.
    fn without_effect(&self) -> Option<&'static str> {
        let given = [
            ("--train-size", self.train_size.is_some()),
            ("--rand-augment", self.rand_augment.is_some()),
            ("--erase", self.erase.is_some()),
        ];
        let frozen = self.fine_tune != FineTune::All;
        let mut given = given.into_iter().filter(|(_, given)| frozen && *given);
        given.next().map(|(option, _)| option)
    }
}

/// How an image is resized; omitted sizes are the backbone's.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Square {
    Stretch,
    CenterCrop,
    Given(Resize),
}

impl Square {
    fn recipe(self, backbone: &Architecture) -> Preprocess {
        let size = backbone.recipe.size();
        let with = |resize| Preprocess { resize, ..backbone.recipe.clone() };
        match self {
            Self::Stretch => with(Resize::Stretch { size }),
            Self::CenterCrop => with(CENTER_CROP).with_size(size),
            Self::Given(resize) => with(resize),
        }
    }
}

/// Parses `stretch[:SIZE]` or `center-crop[:RESIZE:SIZE]`.
fn square(text: &str) -> Result<Square, String> {
    let unknown = || "expected stretch, stretch:SIZE, center-crop or center-crop:RESIZE:SIZE";
    let mut parts = text.split(':');
    let name = parts.next().unwrap_or_default();
    let sizes: Vec<u32> = parts.map(str::parse).collect::<Result<_, _>>().map_err(|_| unknown())?;
    let square = match (name, sizes.as_slice()) {
        ("stretch", []) => Square::Stretch,
        ("stretch", &[size]) => Square::Given(Resize::Stretch { size }),
        ("center-crop", []) => Square::CenterCrop,
        ("center-crop", &[resize, size]) => Square::Given(Resize::CenterCrop { resize, size }),
        _ => return Err(unknown().into()),
    };
    let recipe = square.recipe(Architecture::standard());
    recipe.validate().map_err(|error| error.to_string())?;
    Ok(square)
}

fn fine_tune(text: &str) -> Result<FineTune, String> {
    let expected = || "expected none, last:N with N of at least 1, or all".to_owned();
    match text {
        "none" => Ok(FineTune::None),
        "all" => Ok(FineTune::All),
        _ => {
            let count = text.strip_prefix("last:").ok_or_else(expected)?;
            let count = count.parse::<NonZero<usize>>().map_err(|_| expected())?;
            Ok(FineTune::Last(count.get()))
        }
    }
}

/// Parses `N:M`.
fn operations(text: &str) -> Result<(u32, f32), String> {
    let parts = text.split_once(':');
    let parts =
        parts.and_then(|(count, magnitude)| Some((count.parse().ok()?, magnitude.parse().ok()?)));
    let good = parts
        .filter(|(count, magnitude)| (1..=8).contains(count) && (0.0..=10.0).contains(magnitude));
    good.ok_or_else(|| "expected N:M with N from 1 to 8 and M from 0 to 10".into())
}

fn share(text: &str) -> Result<f32, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected 0 to 1".into())
}

fn schedule(text: &str) -> Result<Schedule, String> {
    match text {
        "constant" => Ok(Schedule::Constant),
        "cosine" => Ok(Schedule::Cosine),
        _ => Err("expected constant or cosine".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_can_be_omitted() {
        let of = |backbone: &str, text| {
            let backbone = Architecture::named(backbone).unwrap();
            square(text).unwrap().recipe(backbone).resize
        };
        let resize = |text| of("mobilenet_v2", text);
        assert_eq!(resize("stretch"), Resize::Stretch { size: 224 });
        assert_eq!(resize("stretch:192"), Resize::Stretch { size: 192 });
        let crop = |resize, size| Resize::CenterCrop { resize, size };
        assert_eq!(resize("center-crop"), crop(256, 224));
        assert_eq!(resize("center-crop:288:256"), crop(288, 256));
        assert_eq!(of("efficientnet_lite1", "center-crop"), crop(274, 240));
        assert_eq!(of("efficientnet_lite2", "stretch"), Resize::Stretch { size: 260 });
    }

    #[test]
    fn invalid_recipes_are_errors() {
        for text in ["", "letterbox", "stretch:", "stretch:big", "stretch:1:2", "center-crop:256"] {
            assert!(square(text).unwrap_err().starts_with("expected"), "{text}");
        }
        assert!(square("center-crop:200:224").unwrap_err().contains("resize"));
        assert!(square("stretch:4096").unwrap_err().contains("1 to 1024"));
    }

    #[test]
    fn the_lock_file_has_every_package() {
        let found = Provenance::default().with_packages(LOCK, &PACKAGES).packages;
        let names: Vec<_> = found.keys().map(String::as_str).collect();
        assert_eq!(names, PACKAGES);
        assert_eq!(found["pet-cli"], env!("CARGO_PKG_VERSION"));
    }
}
