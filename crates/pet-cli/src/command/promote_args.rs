//! The limits of `pet-cli promote`.

use std::path::PathBuf;

use clap::Args;
use pet_pipeline::promote::{Gate, Requirement};

use crate::failure::Failure;
use crate::workspace;

/// What the challenger has to reach; the options come before the file.
#[derive(Args)]
pub(crate) struct GateArguments {
    /// JSON file with limits; missing ones have their defaults
    #[arg(long, value_name = "FILE")]
    gate: Option<PathBuf>,
    /// Minimum accuracy, 0 to 1 [default: 0.5]
    #[arg(long, value_name = "SHARE")]
    min_accuracy: Option<f64>,
    /// Minimum gain in accuracy over the champion; a negative value allows a loss [default: 0]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    min_gain: Option<f64>,
    /// Minimum recall of each class with enough images [default: 0.1]
    #[arg(long, value_name = "SHARE")]
    min_class_recall: Option<f64>,
    /// Maximum loss of recall of a class with enough images [default: 0.25]
    #[arg(long, value_name = "SHARE")]
    max_class_loss: Option<f64>,
    /// Number of images that is enough to check a class [default: 10]
    #[arg(long, value_name = "COUNT")]
    min_class_images: Option<usize>,
    /// Maximum calibration error, 0 to 1 [default: 0.25]
    #[arg(long, value_name = "SHARE")]
    max_calibration_error: Option<f64>,
    /// Minimum share of images that are recognized as one of the classes, 0 to 1 [default: 0.9]
    #[arg(long, value_name = "SHARE")]
    min_known: Option<f64>,
    /// Maximum loss of that share [default: 0.05]
    #[arg(long, value_name = "SHARE")]
    max_known_loss: Option<f64>,
    /// Maximum time of one prediction, in milliseconds [default: 1.5 times the champion's]
    #[arg(long, value_name = "MILLISECONDS")]
    max_latency: Option<f64>,
    /// Maximum size of the model file, in megabytes [default: 1.5 times the champion's]
    #[arg(long, value_name = "MEGABYTES")]
    max_size: Option<f64>,
    /// Differences with a p-value below this are significant [default: 0.05]
    #[arg(long, value_name = "P")]
    alpha: Option<f64>,
    /// Require the challenger to be significantly better, instead of not significantly worse
    #[arg(long)]
    require_better: bool,
}

impl GateArguments {
    /// The limits of the file, or else the default ones, overridden by options.
    pub(crate) fn gate(&self) -> Result<Gate, Failure> {
        if let Some(path) = &self.gate {
            workspace::check_exists(path)?;
        }
        let file = self.gate.as_deref().map(Gate::read).transpose()?;
        let mut gate = file.unwrap_or_default();
        let loss = self.max_class_loss.map(|loss| -loss);
        let known_loss = self.max_known_loss.map(|loss| -loss);
        for (option, limit) in [
            (self.min_accuracy, &mut gate.accuracy.threshold),
            (self.min_gain, &mut gate.accuracy.min_absolute_change),
            (self.min_class_recall, &mut gate.class_recall.threshold),
            (loss, &mut gate.class_recall.min_absolute_change),
            (self.max_calibration_error, &mut gate.calibration_error.threshold),
            (self.min_known, &mut gate.known.threshold),
            (known_loss, &mut gate.known.min_absolute_change),
            (self.max_latency, &mut gate.latency_ms.threshold),
            (self.max_size, &mut gate.size_mb.threshold),
        ] {
            if option.is_some() {
                *limit = option;
            }
        }
        // An absolute limit replaces the one relative to the champion.
        if self.max_latency.is_some() {
            gate.latency_ms.min_relative_change = None;
        }
        if self.max_size.is_some() {
            gate.size_mb.min_relative_change = None;
        }
        gate.class_images = self.min_class_images.unwrap_or(gate.class_images);
        gate.mcnemar.alpha = self.alpha.unwrap_or(gate.mcnemar.alpha);
        if self.require_better {
            gate.mcnemar.require = Requirement::Better;
        }
        gate.check()?;
        Ok(gate)
    }
}
