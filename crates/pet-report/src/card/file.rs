//! The model card of `results/`.

use std::path::{Path, PathBuf};

use pet_model::{
    CARD_FILE, METRICS_FILE, Metrics, ModelMetadata, SELECTION_FILE, Selection, read_json,
    write_atomically,
};

use super::ModelCard;

/// Writes `MODEL_CARD.md` again from the model's metadata and what `metrics.json` and `selection.json` beside it say.
/// `usage` is Markdown that shows how the calling program uses the model; it may be empty.
///
/// # Errors
///
/// When one of these files is damaged or the card cannot be written.
pub fn refresh_card(
    results: &Path,
    metadata: &ModelMetadata,
    usage: &str,
) -> Result<PathBuf, pet_model::Error> {
    let metrics = results.join(METRICS_FILE);
    let metrics: Metrics = if metrics.exists() {
        read_json(&metrics)?
    } else {
        Metrics::default()
    };
    let selection = results.join(SELECTION_FILE);
    let selection: Option<Selection> = if selection.exists() {
        Some(read_json(&selection)?)
    } else {
        None
    };
    let card = results.join(CARD_FILE);
    let text = ModelCard::new(metadata, &metrics)
        .with_selection(selection.as_ref())
        .with_usage(usage)
        .to_string();
    write_atomically(&card, text.as_bytes())?;
    Ok(card)
}
