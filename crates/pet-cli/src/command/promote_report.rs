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
        let checks = one.checks.iter().map(|check| row(&numbers(one), check));
        let mut rows: Vec<_> = checks.collect();
        rows.extend(unchecked_rows(promotion, one));
        rows
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
    table::print(&heads, &rows)?;
    let notes = promotion
        .comparisons
        .iter()
        .flat_map(|one| notes(promotion, one));
    let mut notes: Vec<String> = notes.collect();
    notes.dedup();
    for note in notes {
        output::line(format_args!("\n{note}"))?;
    }
    Ok(())
}

/// The limits on the share of known images that were not checked.
fn unchecked_rows(promotion: &Promotion, one: &Comparison) -> Vec<Vec<String>> {
    let known = |version: Option<&ContenderMetrics>| {
        let known = version.and_then(|version| version.known);
        table::optional(known.map(|known| amount(Metric::Known, known)))
    };
    let limits = one.unchecked_known(&promotion.gate).into_iter();
    let row = |(kind, limit): (Kind, f64)| {
        vec![
            "known".into(),
            numbers(one),
            known(one.champion.as_ref()),
            known(Some(&one.challenger)),
            required(Metric::Known, kind, limit),
            "not checked".into(),
        ]
    };
    limits.map(row).collect()
}

/// Why limits on the share of known images were not checked.
fn notes(promotion: &Promotion, one: &Comparison) -> Vec<String> {
    if one.unchecked_known(&promotion.gate).is_empty() {
        return Vec::new();
    }
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
