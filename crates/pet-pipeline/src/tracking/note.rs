//! The description of a run in Markdown, which MLflow shows on the run's page.

use std::fmt::Write as _;
use std::time::Duration;

use mlflow_client::ModelVersion;
use pet_model::REFIT_OF;
use pet_train::EpochMetrics;

use super::plan::RunPlan;

/// MLflow's tag for the description.
pub(crate) const TAG: &str = "mlflow.note.content";

/// The state of a run.
#[derive(Default)]
pub(crate) struct Progress {
    /// The epoch whose weights were kept.
    pub(crate) best: Option<EpochMetrics>,
    /// The last epoch.
    pub(crate) last: Option<EpochMetrics>,
    /// The registered version.
    pub(crate) version: Option<ModelVersion>,
    /// Its duration, once it has ended.
    pub(crate) took: Option<Duration>,
}

pub(crate) fn text(plan: &RunPlan, progress: &Progress) -> String {
    let mut note = String::new();
    // Writing to a string cannot fail.
    let _ = data(&mut note, plan);
    let _ = epochs(&mut note, progress);
    let _ = version(&mut note, progress);
    let _ = origin(&mut note, plan, progress);
    note
}

fn data(note: &mut String, plan: &RunPlan) -> std::fmt::Result {
    let Some(data) = &plan.data else {
        return Ok(());
    };
    let digest: String = data.digest.chars().take(12).collect();
    let added = match data.added_images {
        0 => String::new(),
        count => format!(" plus {count} added"),
    };
    writeln!(
        note,
        "Trained on **{}** (digest `{digest}`): {} classes, {} training images{added}, {} validation images.\n",
        data.name, data.classes, data.train_images, data.val_images
    )?;
    match plan.tags.get(REFIT_OF) {
        Some(run) => writeln!(
            note,
            "A refit of run `{run}` on all images; the validation metrics are those of that run.\n"
        ),
        None => Ok(()),
    }
}

fn epochs(note: &mut String, progress: &Progress) -> std::fmt::Result {
    let rows = [("best", progress.best), ("last", progress.last)];
    if rows.iter().all(|(_, metrics)| metrics.is_none()) {
        return Ok(());
    }
    writeln!(
        note,
        "| epoch | training loss | training accuracy | validation loss | validation accuracy |"
    )?;
    writeln!(note, "|---|---:|---:|---:|---:|")?;
    for (which, metrics) in rows {
        let Some(metrics) = metrics else { continue };
        writeln!(
            note,
            "| {which}, {} | {:.4} | {:.4} | {} | {} |",
            metrics.epoch + 1,
            metrics.train_loss,
            metrics.train_acc,
            number(metrics.val_loss),
            number(metrics.val_acc)
        )?;
    }
    writeln!(note)
}

fn number(metric: Option<f64>) -> String {
    metric.map_or_else(|| "–".into(), |metric| format!("{metric:.4}"))
}

fn version(note: &mut String, progress: &Progress) -> std::fmt::Result {
    let Some(version) = &progress.version else {
        return Ok(());
    };
    let (name, number) = (&version.name, version.version);
    writeln!(
        note,
        "Registered as version {number} of `{name}`. In Python:\n\n\
         ```python\n\
         model = mlflow.pyfunc.load_model(\"models:/{name}/{number}\")\n\
         model.predict(pandas.DataFrame({{\"image\": [open(\"photo.jpg\", \"rb\").read()]}}))\n\
         ```\n"
    )
}

fn origin(note: &mut String, plan: &RunPlan, progress: &Progress) -> std::fmt::Result {
    let provenance = &plan.provenance;
    let (took, commit) = (progress.took, provenance.commit.as_ref());
    let facts = [
        took.map(|took| format!("took {:.1} s", took.as_secs_f64())),
        commit.map(|commit| format!("code at {}", commit.shown())),
        provenance.host.as_ref().map(|host| format!("on `{host}`")),
        provenance.system.clone(),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    if !facts.is_empty() {
        writeln!(note, "{}.\n", capitalized(&facts.join(", ")))?;
    }
    match &provenance.command {
        Some(command) => writeln!(note, "```sh\n{}\n```", command.replace('`', "'")),
        None => Ok(()),
    }
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Provenance, TrainingData};

    #[test]
    fn the_description_has_data_metrics_and_origin() {
        let mut plan = RunPlan::new("e", "r");
        plan.data = Some(TrainingData {
            name: "pets".into(),
            digest: "0123456789abcdef".into(),
            folder: "/data/pets".into(),
            classes: 37,
            train_images: 80,
            added_images: 0,
            val_images: 20,
        });
        plan.provenance = Provenance {
            command: Some("pet-cli train --epochs 5".into()),
            host: Some("den".into()),
            ..Provenance::default()
        };
        let best = EpochMetrics {
            epoch: 2,
            train_loss: 0.5,
            train_acc: 0.75,
            val_loss: Some(0.625),
            val_acc: Some(0.875),
        };
        let progress = Progress {
            best: Some(best),
            took: Some(Duration::from_millis(1250)),
            ..Progress::default()
        };
        let note = text(&plan, &progress);
        assert!(note.starts_with(
            "Trained on **pets** (digest `0123456789ab`): 37 classes, 80 training images"
        ));
        assert!(note.contains("| best, 3 | 0.5000 | 0.7500 | 0.6250 | 0.8750 |\n"));
        assert!(note.contains("Took 1.2 s, on `den`.\n"), "{note}");
        assert!(note.ends_with("```sh\npet-cli train --epochs 5\n```\n"));
        assert_eq!(text(&RunPlan::new("e", "r"), &Progress::default()), "");
    }
}
