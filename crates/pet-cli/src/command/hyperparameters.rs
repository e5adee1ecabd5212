//! Hyper-parameters on the command line.

use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;
use pet_image::Augment;
use pet_pipeline::Error;
use pet_pipeline::sweep::{Axis, Space};
use pet_train::{Configuration, FineTune, Schedule};

/// Hyper-parameters. Defaults differ between training only the head and fine-tuning.
#[derive(Args)]
#[command(next_help_heading = "Hyper-parameters")]
pub(crate) struct HyperParameters {
    /// What to train: none (only the head), last:N (the head and the last N of the backbone's blocks, 19 in
    /// MobileNetV2) or all
    #[arg(long, value_name = "PART", default_value = "none", value_parser = fine_tune)]
    pub(crate) fine_tune: FineTune,
    /// Passes over the training images [default: 5; 9 when fine-tuning]
    #[arg(long, value_name = "COUNT")]
    pub(crate) epochs: Option<usize>,
    /// Images per step; several values make several runs [default: 32; 16 when fine-tuning]
    #[arg(long, value_name = "COUNT", num_args = 1..)]
    pub(crate) batch_size: Vec<usize>,
    /// Adam's learning rate for the head; several values make several runs [default: 0.001]
    #[arg(long, value_name = "RATE", num_args = 1..)]
    pub(crate) learning_rate: Vec<f64>,
    /// Adam's learning rate for the backbone; several values make several runs [default: 0.0001 when fine-tuning]
    #[arg(long, value_name = "RATE", num_args = 1..)]
    pub(crate) body_learning_rate: Vec<f64>,
    /// How the learning rates change over time [default: constant; cosine when fine-tuning]
    #[arg(long, value_name = "SCHEDULE", value_parser = schedule)]
    pub(crate) schedule: Option<Schedule>,
    /// Epochs over which the learning rates rise to their full value [default: 0; 0.5 when fine-tuning]
    #[arg(long, value_name = "EPOCHS")]
    pub(crate) warm_up: Option<f64>,
    /// Seed of the split, the initial weights, the order of images, augmentation and dropout
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: u64,
    /// Share of features set to zero during training; several values make several runs [default: 0.2]
    #[arg(long, value_name = "SHARE", num_args = 1..)]
    pub(crate) dropout: Vec<f64>,
    /// Decoupled weight decay; several values make several runs [default: 0; 0.01 when fine-tuning]
    #[arg(long, value_name = "DECAY", num_args = 1..)]
    pub(crate) weight_decay: Vec<f64>,
    /// Probability spread over all classes; several values make several runs [default: 0; 0.1 when fine-tuning]
    #[arg(long, value_name = "SHARE", num_args = 1..)]
    pub(crate) label_smoothing: Vec<f64>,
    /// Mix each photo with another: parameter of the beta distribution; several values make several runs [default: 0,
    /// none]
    #[arg(long, value_name = "ALPHA", num_args = 1..)]
    pub(crate) mixup: Vec<f64>,
    /// Decay of the running average of the weights, 0 for none; several values make several runs [default:
    /// 0; 0.998 when fine-tuning]
    #[arg(long, value_name = "SHARE", num_args = 1..)]
    pub(crate) average: Vec<f64>,
    /// Stop after this many epochs without a better validation accuracy [default: never]
    #[arg(long, value_name = "EPOCHS")]
    pub(crate) patience: Option<usize>,
    /// With --fine-tune all: also learn from the outputs of exported models, given as results folders or ONNX files;
    /// several are averaged. A teacher that was trained on the validation images, such as a refit or a model with
    /// another seed, makes the validation accuracy too high. Teachers predict every random crop, so an epoch takes
    /// longer
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub(crate) teacher: Vec<PathBuf>,
    /// With --teacher: the teachers' share of the loss; the rest is the labels' [default: 0.7]
    #[arg(long, value_name = "SHARE", requires = "teacher")]
    pub(crate) teacher_weight: Option<f64>,
    /// With --teacher: temperature that softens the teachers' probabilities, on top of their own [default: 2]
    #[arg(long, value_name = "TEMPERATURE", requires = "teacher")]
    pub(crate) teacher_temperature: Option<f64>,
    /// With --fine-tune all: train without random crops, mirroring and color changes
    #[arg(long)]
    pub(crate) no_augment: bool,
    /// With --fine-tune all: also rotate, shear, shift or recolor each photo with N random operations of magnitude M, 0
    /// to 10 [default: none]
    #[arg(long, value_name = "N:M", value_parser = operations, conflicts_with = "no_augment")]
    pub(crate) rand_augment: Option<(u32, f32)>,
    /// With --fine-tune all: probability of hiding a random part of each photo [default: 0]
    #[arg(long, value_name = "SHARE", value_parser = share, conflicts_with = "no_augment")]
    pub(crate) erase: Option<f32>,
    /// With --fine-tune all: image size in training; a smaller one than for serving is faster [default: the recipe's]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(32..=1024))]
    pub(crate) train_size: Option<u32>,
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
    pub(crate) fn base(&self) -> Configuration {
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
    pub(crate) fn augment(&self) -> Augment {
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
    pub(crate) fn without_effect(&self) -> Option<&'static str> {
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
