//! The output of `pet-cli promote`.

use pet_pipeline::promote::{Check, Comparison, Kind, Metric, Promotion};

use crate::failure::Failure;
use crate::{output, table};

/// Prints the metrics of both versions and the checks.
pub(crate) fn print(promotion: &Promotion) -> Result<(), Failure> {
    output::line(format_args!("measured on {}", promotion.images))?;
    for one in &promotion.comparisons {
        if let (Some(paired), Some(champion)) = (&one.paired, &promotion.champion) {
            output::line(format_args!(
                "{}: only the challenger (version {}) gets {} right, only the champion (version {}) gets {} right",
                one.precision,
                promotion.challenger.version,
                paired.only_challenger,
                champion.version,
                paired.only_champion
            ))?;
        }
    }
    output::line("")?;
    let rows = promotion.comparisons.iter().flat_map(|one| {
        let checks = one.checks.iter();
        checks.map(|check| row(&numbers(one), check))
    });
    let rows: Vec<_> = rows.collect();
    let heads = [
        "check",
        "numbers",
        ">champion",
        ">challenger",
        "required",
        "passed",
    ];
    table::print(&heads, &rows)
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

fn row(numbers: &str, check: &Check) -> Vec<String> {
    let value =
        |value: Option<f64>| table::optional(value.map(|value| amount(check.metric, value)));
    let passed = if check.passed { "yes" } else { "no" };
    vec![
        name(check),
        numbers.to_owned(),
        value(check.champion),
        value(check.challenger),
        required(check),
        passed.into(),
    ]
}

fn name(check: &Check) -> String {
    match (check.metric, &check.class) {
        (Metric::ClassRecall, Some(class)) => format!("recall of {class}"),
        (Metric::Accuracy, _) => "accuracy".into(),
        (Metric::MacroF1, _) => "macro F1".into(),
        (Metric::CalibrationError, _) => "calibration error".into(),
        (Metric::Known, _) => "known".into(),
        (Metric::LatencyMs, _) => "latency".into(),
        (Metric::SizeMb, _) => "size".into(),
        (Metric::Mcnemar, _) => "McNemar's p".into(),
        (metric, _) => metric.name().into(),
    }
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

fn required(check: &Check) -> String {
    let change = |size: String| {
        if check.limit < 0.0 {
            format!("at most {size} worse")
        } else {
            format!("at least {size} better")
        }
    };
    let size = check.limit.abs();
    match check.kind {
        Kind::Threshold if check.metric.greater_is_better() => {
            format!("at least {}", amount(check.metric, check.limit))
        }
        Kind::Threshold => format!("at most {}", amount(check.metric, check.limit)),
        Kind::MinAbsoluteChange | Kind::MinRelativeChange if size == 0.0 => "no worse".into(),
        Kind::MinAbsoluteChange => change(amount(check.metric, size)),
        Kind::MinRelativeChange => change(format!("{:.0} %", 100.0 * size)),
        Kind::NotWorse => format!("not worse with p < {}", check.limit),
        Kind::Better => format!("better with p < {}", check.limit),
        _ => check.limit.to_string(),
    }
}
