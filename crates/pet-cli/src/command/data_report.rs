//! The output of `pet-cli data check`.

use std::collections::BTreeSet;
use std::path::Path;

use pet_pipeline::check::{DataReport, DuplicateGroup, Member, UnreadableFile};

use crate::failure::Failure;
use crate::{output, table};

/// Maximum images of a group.
const MEMBERS: usize = 5;

/// Prints the kinds of problems, then up to `show` problems of each kind.
pub(crate) fn print(report: &DataReport, show: usize) -> Result<(), Failure> {
    let (images, classes) = (report.images, report.classes.len());
    output::line(format_args!("{}: {images} images of {classes} classes", report.dataset))?;
    if let Some(labels) = &report.labels {
        let share = 100.0 * labels.accuracy;
        output::line(format_args!(
            "labels were checked by classifiers that agree with {share:.1} % of them"
        ))?;
    }
    if report.problems.is_empty() {
        return output::line("no problems found");
    }
    let rows = report.problems.iter().map(|problem| {
        let (severity, images) = (problem.severity.to_string(), problem.images.to_string());
        vec![severity, images, problem.kind.clone()]
    });
    output::line("")?;
    table::print(&["severity", ">images", "problem"], &rows.collect::<Vec<_>>())?;
    unreadable(report, show)?;
    let empty = report.empty.iter().map(|folder| vec![vec![text(folder)]]);
    section("class folders without images", &["folder"], empty, show)?;
    duplicates(report, show)?;
    labels(report, show)?;
    flaws(report, show)?;
    few(report, show)
}

/// Prints a heading, the first rows, and the number of further ones.
fn section(
    title: &str,
    heads: &[&str],
    rows: impl ExactSizeIterator<Item = Vec<Vec<String>>>,
    show: usize,
) -> Result<(), Failure> {
    let all = rows.len();
    if all == 0 || show == 0 {
        return Ok(());
    }
    output::line(format_args!("\n{title}"))?;
    table::print(heads, &rows.take(show).flatten().collect::<Vec<_>>())?;
    match all.saturating_sub(show) {
        0 => Ok(()),
        more => output::line(format_args!("… and {more} more (`--show`, `--json`)")),
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn unreadable(report: &DataReport, show: usize) -> Result<(), Failure> {
    let row = |image: &UnreadableFile| vec![vec![image.reason.clone(), text(&image.file)]];
    let rows = report.unreadable.iter().map(row);
    section("unreadable images", &["reason", "file"], rows, show)?;
    let hints: BTreeSet<_> = report.unreadable.iter().flat_map(|image| &image.hint).collect();
    for hint in hints.into_iter().take(show) {
        output::line(format_args!("hint: {hint}"))?;
    }
    Ok(())
}

fn duplicates(report: &DataReport, show: usize) -> Result<(), Failure> {
    let rows = report.duplicates.iter().map(|group: &DuplicateGroup| {
        let members = group.images.iter().take(MEMBERS).enumerate();
        let row = |(index, member): (usize, &Member)| {
            let similarity = match index {
                0 => format!("{:.3}", group.similarity),
                _ => String::new(),
            };
            let (class, split) = (member.class.clone(), member.split.to_owned());
            vec![similarity, split, class, text(&member.file)]
        };
        let mut rows: Vec<Vec<String>> = members.map(row).collect();
        if let more @ 1.. = group.images.len().saturating_sub(MEMBERS) {
            let empty = String::new;
            rows.push(vec![empty(), empty(), empty(), format!("and {more} more")]);
        }
        rows
    });
    let heads = [">alike", "split", "class", "file"];
    section("duplicates and near-duplicates", &heads, rows, show)
}

fn labels(report: &DataReport, show: usize) -> Result<(), Failure> {
    let Some(labels) = &report.labels else {
        return Ok(());
    };
    let rows = labels.suspects.iter().map(|suspect| {
        vec![vec![
            suspect.given.clone(),
            suspect.likely.clone(),
            format!("{:.1} %", 100.0 * suspect.likely_probability),
            text(&suspect.file),
        ]]
    });
    let heads = ["label", "likely", ">", "file"];
    section("labels that are probably wrong", &heads, rows, show)
}

fn flaws(report: &DataReport, show: usize) -> Result<(), Failure> {
    let rows = report.flaws.iter().map(|image| {
        let flaw = image.flaw;
        let (value, limit) = (format!("{:.1}", flaw.value), format!("{:.0}", flaw.limit));
        vec![vec![flaw.kind.name().into(), value, limit, text(&image.file)]]
    });
    let heads = ["flaw", ">measured", ">limit", "file"];
    section("images that show little", &heads, rows, show)
}

fn few(report: &DataReport, show: usize) -> Result<(), Failure> {
    let few: Vec<_> = report.classes.iter().filter(|class| class.few).collect();
    let rows = few.iter().map(|class| vec![vec![class.images.to_string(), class.class.clone()]]);
    section("classes with few images", &[">images", "class"], rows, show)
}
