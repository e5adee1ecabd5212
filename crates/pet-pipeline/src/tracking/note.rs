//! The description of a run in Markdown, which MLflow shows on the run's page.

use std::time::Duration;

use mlflow_client::ModelVersion;
use pet_model::REFIT_OF;
use pet_train::EpochMetrics;

use super::plan::RunPlan;

/// MLflow's tag for the description.
pub(super) const TAG: &str = "mlflow.note.content";

/// The state of a run.
#[derive(Default)]
pub(super) struct Progress {
    /// The epoch whose weights were kept.
    pub(super) best: Option<EpochMetrics>,
    /// The last epoch.
    pub(super) last: Option<EpochMetrics>,
    /// The registered version.
    pub(super) version: Option<ModelVersion>,
    /// Its duration, once it has ended.
    pub(super) took: Option<Duration>,
}

pub(super) fn text(plan: &RunPlan, progress: &Progress) -> String {
    let command = plan.provenance.command.as_ref();
    let parts = [
        data(plan),
        epochs(progress),
        version(progress),
        origin(plan, progress),
        command.map(|command| format!("```sh\n{}\n```\n", command.replace('`', "'"))),
    ];
    parts.into_iter().flatten().collect()
}

fn data(plan: &RunPlan) -> Option<String> {
    let data = plan.data.as_ref()?;
    let digest: String = data.digest.chars().take(12).collect();
    let added = match data.added_images {
        0 => String::new(),
        count => format!(" plus {count} added"),
    };
    let refit = plan.tags.get(REFIT_OF).map(|run| {
        format!("A refit of run `{run}` on all images; the validation metrics are those of that run.\n\n")
    });
    Some(format!(
        "Trained on **{}** (digest `{digest}`): {} classes, {} training images{added}, {} validation images.\n\n{}",
        data.name,
        data.classes,
        data.train_images,
        data.val_images,
        refit.unwrap_or_default()
    ))
}

fn epochs(progress: &Progress) -> Option<String> {
    let row = |(which, metrics): (&str, Option<EpochMetrics>)| {
        let metrics = metrics?;
        Some(format!(
            "| {which}, {} | {:.4} | {:.4} | {} | {} |\n",
            metrics.epoch + 1,
            metrics.train_loss,
            metrics.train_acc,
            number(metrics.val_loss),
            number(metrics.val_acc)
        ))
    };
    let rows = [("best", progress.best), ("last", progress.last)];
    let rows: String = rows.into_iter().filter_map(row).collect();
    (!rows.is_empty()).then(|| {
        format!(
            "| epoch | training loss | training accuracy | validation loss | validation accuracy |\n\
             |---|---:|---:|---:|---:|\n{rows}\n"
        )
    })
}

fn number(metric: Option<f64>) -> String {
    metric.map_or_else(|| "–".into(), |metric| format!("{metric:.4}"))
}

fn version(progress: &Progress) -> Option<String> {
    let ModelVersion { name, version, .. } = progress.version.as_ref()?;
    Some(format!(
        "Registered as version {version} of `{name}`. In Python:\n\n\
         ```python\n\
         model = mlflow.pyfunc.load_model(\"models:/{name}/{version}\")\n\
         model.predict(pandas.DataFrame({{\"image\": [open(\"photo.jpg\", \"rb\").read()]}}))\n\
         ```\n\n"
    ))
}

/// How long the run took, and where, as one sentence.
fn origin(plan: &RunPlan, progress: &Progress) -> Option<String> {
    let provenance = &plan.provenance;
    let (took, commit) = (progress.took, provenance.commit.as_ref());
    let facts = [
        took.map(|took| format!("took {:.1} s", took.as_secs_f64())),
        commit.map(|commit| format!("code at {}", commit.shown())),
        provenance.host.as_ref().map(|host| format!("on `{host}`")),
        provenance.system.clone(),
    ];
    let facts = facts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let mut characters = facts.chars();
    let first = characters.next()?.to_uppercase();
    Some(format!("{first}{}.\n\n", characters.as_str()))
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
