//! The sections on how the model was made: its recipe, and the selection of the version.

use pet_image::{Layout, Resize};
use pet_model::{
    INPUT_NAME, Metrics, ModelMetadata, OPSET, OUTPUT_NAME, Preprocess, SIMILARITY_NAME, Selection,
};

use super::markdown::{code, code_cell, decimal, percent, table, text};

pub(super) fn section(metadata: &ModelMetadata, metrics: &Metrics) -> String {
    let mut section = format!(
        "## Recipe\n\n{}\nONNX opset {OPSET}; output `{OUTPUT_NAME}`: `[batch, {}]` logits.\n",
        preprocess(&metadata.preprocess),
        metadata.classes.len(),
    );
    if let Some(least) = metadata.least_similarity {
        section.push('\n');
        section.push_str(&similarity(least));
    }
    if metrics.params.is_empty() {
        section.push_str("\nThe hyperparameters are not recorded.\n");
    } else {
        let rows =
            metrics.params.iter().map(|(name, value)| vec![code_cell(name), code_cell(value)]);
        section.push_str("\nHyperparameters, as logged by the run:\n\n");
        section.push_str(&table(&["parameter", "value"], rows));
    }
    section
}

/// The detection of outliers.
fn similarity(least: f64) -> String {
    format!(
        "Output `{SIMILARITY_NAME}`: same shape, the cosine between the image's features and the mean features of each \
         class. An image whose largest cosine is below {least:.3} probably shows none of the classes; 98 % of the \
         validation images are above.\n"
    )
}

/// The preprocessing.
fn preprocess(preprocess: &Preprocess) -> String {
    let resize = match preprocess.resize {
        Resize::Stretch { size } => {
            format!("The whole image is stretched to {size}x{size} pixels")
        }
        Resize::CenterCrop { resize, size } => format!(
            "The image's shorter side is resized to {resize} pixels and its central \
             {size}x{size} pixels are cropped"
        ),
    };
    let Layout::Nchw = preprocess.layout;
    let triple = |[red, green, blue]: [f32; 3]| format!("({red}, {green}, {blue})");
    format!(
        "{resize} (bilinear, antialiased). Red, green and blue, scaled to 0..1, are normalized with \
         mean {} and standard deviation {}. Input `{INPUT_NAME}`: `[batch, 3, {size}, {size}]`.\n",
        triple(preprocess.mean),
        triple(preprocess.standard_deviation),
        size = preprocess.size(),
    )
}

/// How the version was selected.
pub(super) fn selection(selection: &Selection) -> String {
    let rows = selection.candidates.iter().enumerate().map(|(index, candidate)| {
        vec![
            (index + 1).to_string(),
            text(&candidate.version),
            code_cell(&candidate.run_name),
            percent(candidate.val_acc),
            candidate.val_loss.map_or_else(|| "–".into(), decimal),
            text(&candidate.reason),
        ]
    });
    let head = [">rank", ">version", "run", ">validation accuracy", ">validation loss", "reason"];
    let alias = match selection.alias.as_str() {
        "" => String::new(),
        alias => format!(", alias {}", code(alias)),
    };
    let mut section = format!(
        "## Selection\n\nVersion {} was selected (run {}{alias}). Rule: {}.\n\n{}\n\
         The validation images were used for this selection, so metrics on them are slightly too good.\n",
        text(&selection.version),
        code(&selection.run_id),
        text(selection.rule.trim_end_matches('.')),
        table(&head, rows),
    );
    if !selection.excluded.is_empty() {
        section.push_str("\nNot ranked:\n\n");
        section.extend(
            selection.excluded.iter().map(|(version, reason)| {
                format!("- version {}: {}\n", text(version), text(reason))
            }),
        );
    }
    section
}
