//! The limits of `pet-cli promote`: as options, and in the report.

use std::path::PathBuf;

use clap::Args;
use pet_pipeline::promote::{
    Comparison, ContenderMetrics, Gate, Kind, Metric, NoKnown, Promotion, Requirement,
};

use crate::arguments::check_exists;
use crate::failure::Failure;
use crate::{output, table};

/// What the challenger has to reach; the options come before the file.
#[derive(Args)]
pub(super) struct GateArguments {
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
    pub(super) fn gate(&self) -> Result<Gate, Failure> {
        let mut gate = match &self.gate {
            Some(path) => {
                check_exists(path)?;
                Gate::read(path)?
            }
            None => Gate::default(),
        };
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

/// Prints the metrics of both versions and the checks.
pub(super) fn print(promotion: &Promotion) -> Result<(), Failure> {
    output::line(format_args!("measured on {}", promotion.images))?;
    for one in &promotion.comparisons {
        if let (Some(paired), Some(champion)) = (&one.paired, &promotion.champion) {
            output::line(format_args!(
                "{}: {} images that only the challenger (version {}) gets right, {} that only the champion (version {}) does",
                one.precision,
                paired.only_challenger,
                promotion.challenger.version,
                paired.only_champion,
                champion.version
            ))?;
        }
    }
    output::line("")?;
    let rows = promotion.comparisons.iter().flat_map(|one| rows(promotion, one));
    let heads = ["check", "numbers", ">champion", ">challenger", "required", "passed"];
    table::print(&heads, rows)?;
    let notes = promotion.comparisons.iter().flat_map(|one| notes(promotion, one));
    let mut notes: Vec<String> = notes.collect();
    notes.dedup();
    notes.iter().try_for_each(|note| output::line(format_args!("\n{note}")))
}

/// The checks of a precision, then the limits that were not checked.
fn rows(promotion: &Promotion, one: &Comparison) -> Vec<Vec<String>> {
    let row = |class: Option<&str>,
               limit: (Metric, Kind, f64),
               values: [Option<f64>; 2],
               passed: &str| {
        let (metric, kind, limit) = limit;
        let amount_or_none = |value: Option<f64>| value.map(|value| amount(metric, value));
        let [champion, challenger] = values.map(|value| table::optional(amount_or_none(value)));
        let (name, required) = (name(metric, class), required(metric, kind, limit));
        vec![name, numbers(one), champion, challenger, required, passed.to_owned()]
    };
    let checks = one.checks.iter().map(|check| {
        let limit = (check.metric, check.kind, check.limit);
        let passed = if check.passed { "yes" } else { "no" };
        row(check.class.as_deref(), limit, [check.champion, check.challenger], passed)
    });
    let unchecked = one.unchecked(&promotion.gate).into_iter().map(|limit| {
        let versions = [one.champion.as_ref(), Some(&one.challenger)];
        let known = |version: &ContenderMetrics| version.known.filter(|_| limit.0 == Metric::Known);
        row(None, limit, versions.map(|version| version.and_then(known)), "not checked")
    });
    checks.chain(unchecked).collect()
}

/// Why limits were not checked.
fn notes(promotion: &Promotion, one: &Comparison) -> Vec<String> {
    let (classes, enough) = (one.unchecked_classes, promotion.gate.class_images);
    let mut notes = Vec::new();
    if classes > 0 {
        let these = match classes {
            1 => "1 class".into(),
            _ => format!("{classes} classes"),
        };
        notes.push(format!(
            "the recall of {these} is not checked: fewer than {enough} images each (`--min-class-images`)"
        ));
    }
    let mut unchecked = one.unchecked(&promotion.gate).into_iter();
    if unchecked.any(|(metric, ..)| metric == Metric::Known) {
        notes.extend(unknown(promotion, one));
    }
    notes
}

/// Why the share of known images was not measured.
fn unknown(promotion: &Promotion, one: &Comparison) -> Vec<String> {
    let challenger = (&promotion.challenger, &one.challenger, "challenger");
    let champion = promotion.champion.as_ref().zip(one.champion.as_ref());
    let champion = champion.map(|(version, metrics)| (version, metrics, "champion"));
    let versions = [Some(challenger), champion].into_iter().flatten();
    let notes = versions.filter_map(|(version, metrics, role)| {
        let reason = match metrics.no_known? {
            NoKnown::SameImages => {
                "it would learn its similarity threshold from these same images; `--split test` measures it"
            }
            NoKnown::NoTrainingImages => {
                "the data set has no training or validation images to learn it from"
            }
            _ => "the model in the results folder does not detect outliers: it was exported without a data set",
        };
        let number = version.version;
        Some(format!("`known` of the {role} (version {number}) is not measured: {reason}"))
    });
    notes.collect()
}

/// The precision of the challenger, and that of the champion if it differs.
fn numbers(one: &Comparison) -> String {
    let precision = one.precision.to_string();
    match &one.champion {
        Some(champion) if champion.precision != one.precision => {
            format!("{precision} compared with {}", champion.precision)
        }
        _ => precision,
    }
}

fn name(metric: Metric, class: Option<&str>) -> String {
    let name = match metric {
        Metric::ClassRecall => return format!("recall of {}", class.unwrap_or("a class")),
        Metric::MacroF1 => "macro F1",
        Metric::CalibrationError => "calibration error",
        Metric::LatencyMs => "latency",
        Metric::SizeMb => "size",
        Metric::Mcnemar => "McNemar's p",
        metric => metric.name(),
    };
    name.into()
}

/// A value with its unit.
fn amount(metric: Metric, value: f64) -> String {
    match metric {
        Metric::LatencyMs => format!("{value:.1} ms"),
        Metric::SizeMb => format!("{value:.1} MB"),
        // Four decimal places would show zeros.
        Metric::Mcnemar if value < 1e-3 => format!("{value:.1e}"),
        _ => format!("{value:.4}"),
    }
}

fn required(metric: Metric, kind: Kind, limit: f64) -> String {
    let change = |size: String| {
        if limit < 0.0 {
            format!("at most {size} worse")
        } else {
            format!("at least {size} better")
        }
    };
    let size = limit.abs();
    match kind {
        Kind::Threshold if metric.greater_is_better() => {
            format!("at least {}", amount(metric, limit))
        }
        Kind::Threshold => format!("at most {}", amount(metric, limit)),
        Kind::MinAbsoluteChange | Kind::MinRelativeChange if size == 0.0 => "no worse".into(),
        Kind::MinAbsoluteChange => change(amount(metric, size)),
        Kind::MinRelativeChange => change(format!("{:.0} %", 100.0 * size)),
        Kind::NotWorse => format!("not worse with p < {limit}"),
        Kind::Better => format!("better with p < {limit}"),
        _ => limit.to_string(),
    }
}
