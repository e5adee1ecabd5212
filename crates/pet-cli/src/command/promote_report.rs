//! The output of `pet-cli promote`.

use pet_pipeline::promote::{
    Check, Comparison, ContenderMetrics, Kind, Metric, NoKnown, Promotion,
};

use crate::failure::Failure;
use crate::{output, table};

/// Prints the metrics of both versions and the checks.
pub(crate) fn print(promotion: &Promotion) -> Result<(), Failure> {
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
    let rows = promotion.comparisons.iter().flat_map(|one| {
        let checks = one.checks.iter().map(|check| row(&numbers(one), check));
        let mut rows: Vec<_> = checks.collect();
        rows.extend(unchecked_rows(promotion, one));
        rows
    });
    let rows: Vec<_> = rows.collect();
    let heads = ["check", "numbers", ">champion", ">challenger", "required", "passed"];
    table::print(&heads, &rows)?;
    let notes = promotion.comparisons.iter().flat_map(|one| notes(promotion, one));
    let mut notes: Vec<String> = notes.collect();
    notes.dedup();
    for note in notes {
        output::line(format_args!("\n{note}"))?;
    }
    Ok(())
}

/// The limits that were not checked.
fn unchecked_rows(promotion: &Promotion, one: &Comparison) -> Vec<Vec<String>> {
    let value = |metric: Metric, version: Option<&ContenderMetrics>| {
        let known = version.and_then(|version| version.known);
        let known = known.filter(|_| metric == Metric::Known);
        table::optional(known.map(|known| amount(metric, known)))
    };
    let limits = one.unchecked(&promotion.gate).into_iter();
    let row = |(metric, kind, limit): (Metric, Kind, f64)| {
        let name = match metric {
            Metric::ClassRecall => "recall of a class",
            metric => metric.name(),
        };
        vec![
            name.into(),
            numbers(one),
            value(metric, one.champion.as_ref()),
            value(metric, Some(&one.challenger)),
            required(metric, kind, limit),
            "not checked".into(),
        ]
    };
    limits.map(row).collect()
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

fn row(numbers: &str, check: &Check) -> Vec<String> {
    let value =
        |value: Option<f64>| table::optional(value.map(|value| amount(check.metric, value)));
    let passed = if check.passed { "yes" } else { "no" };
    vec![
        name(check),
        numbers.to_owned(),
        value(check.champion),
        value(check.challenger),
        required(check.metric, check.kind, check.limit),
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
