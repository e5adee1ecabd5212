//! The figures, for a person at a terminal.

use pet_model::{ClassMetrics, SplitMetrics};

use super::measured::Measured;
use crate::failure::Failure;
use crate::output;

/// Confusions and mistakes that are printed.
const PRINTED: usize = 10;

pub(super) fn print(measured: &Measured) -> Result<(), Failure> {
    let figures = &measured.figures;
    output::line(format_args!("{}: {} images", measured.name, figures.images))?;
    print_figures(figures)?;
    print_classes(figures)?;
    print_confusions(measured)?;
    print_mistakes(measured)
}

fn print_figures(figures: &SplitMetrics) -> Result<(), Failure> {
    let share = |share: f64| format!("{:6.2} %", 100.0 * share);
    output::line(format_args!("  top-1 accuracy     {}", share(figures.top1)))?;
    output::line(format_args!("  top-5 accuracy     {}", share(figures.top5)))?;
    output::line(format_args!(
        "  macro F1           {:6.4}",
        figures.macro_f1
    ))?;
    output::line(format_args!("  cross-entropy      {:6.4}", figures.loss))?;
    let Some(calibration) = &figures.calibration else {
        return Ok(());
    };
    let temperature = if (calibration.temperature - 1.0).abs() < f64::EPSILON {
        "   (no temperature: the confidence as the network gives it)".into()
    } else {
        format!(
            "   (with temperature {:.3}; {} and cross-entropy {:.4} without)",
            calibration.temperature,
            share(calibration.error_before).trim_start(),
            calibration.loss_before
        )
    };
    output::line(format_args!(
        "  calibration error  {}{temperature}",
        share(calibration.error)
    ))
}

/// The classes that have images, weakest first.
fn print_classes(figures: &SplitMetrics) -> Result<(), Failure> {
    let with_images = figures.classes.iter().filter(|one| one.1.images > 0);
    let mut classes: Vec<(&String, &ClassMetrics)> = with_images.collect();
    classes.sort_by(|one, other| one.1.f1.total_cmp(&other.1.f1));
    let width = width(classes.iter().map(|(name, _)| name.as_str())).max("class".len());
    output::line(format_args!(
        "\n  {:width$}  images  precision   recall      F1",
        "class"
    ))?;
    for (name, class) in &classes {
        output::line(format_args!(
            "  {}  {:6}  {:7.1} %  {:5.1} %  {:6.4}",
            padded(name, width),
            class.images,
            100.0 * class.precision,
            100.0 * class.recall,
            class.f1
        ))?;
    }
    match figures.classes.len() - classes.len() {
        0 => Ok(()),
        without => output::line(format_args!(
            "  {without} more classes have no images here and count as 0 in macro F1"
        )),
    }
}

fn print_confusions(measured: &Measured) -> Result<(), Failure> {
    let worst: Vec<_> = measured.confusions().take(PRINTED).collect();
    if worst.is_empty() {
        return output::line("\n  no mistakes");
    }
    let width = width(worst.iter().map(|(actual, ..)| *actual));
    output::line("\n  worst confusions")?;
    worst.iter().try_for_each(|(actual, predicted, images)| {
        output::line(format_args!(
            "  {images:4} × {} taken for {predicted}",
            padded(actual, width)
        ))
    })
}

fn print_mistakes(measured: &Measured) -> Result<(), Failure> {
    let surest: Vec<_> = measured.mistakes.iter().take(PRINTED).collect();
    if surest.is_empty() {
        return Ok(());
    }
    let texts = |mistake: &super::measured::Mistake| {
        format!("{} taken for {}", mistake.actual, mistake.predicted)
    };
    let lines: Vec<String> = surest.iter().map(|mistake| texts(mistake)).collect();
    let width = width(lines.iter().map(String::as_str));
    output::line("\n  most confident mistakes")?;
    surest.iter().zip(&lines).try_for_each(|(mistake, text)| {
        output::line(format_args!(
            "  {:5.1} %  {}  {}",
            100.0 * mistake.confidence,
            padded(text, width),
            mistake.file.display()
        ))
    })
}

fn width<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0)
}

fn padded(text: &str, width: usize) -> String {
    format!("{text:width$}")
}
