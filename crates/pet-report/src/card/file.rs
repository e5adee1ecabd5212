//! The model card of a folder of results.

use std::path::{Path, PathBuf};

use pet_model::{
    CARD_FILE, METRICS_FILE, Metrics, ModelMetadata, SELECTION_FILE, Selection, read_json,
    write_atomically,
};

use super::ModelCard;

/// Writes `MODEL_CARD.md` in `results` from the model's metadata and from `metrics.json` and `selection.json` there, if
/// they exist. `usage` is Markdown on how to use the model; it may be empty.
///
/// # Errors
///
/// If a file is invalid or the card cannot be written.
pub fn refresh_card(
    results: &Path,
    metadata: &ModelMetadata,
    usage: &str,
) -> Result<PathBuf, pet_model::Error> {
    let metrics = results.join(METRICS_FILE);
    let metrics: Option<Metrics> = metrics.exists().then(|| read_json(&metrics)).transpose()?;
    let selection = results.join(SELECTION_FILE);
    let selection: Option<Selection> =
        selection.exists().then(|| read_json(&selection)).transpose()?;
    let card = results.join(CARD_FILE);
    let text = ModelCard::new(metadata, &metrics.unwrap_or_default())
        .with_selection(selection.as_ref())
        .with_usage(usage)
        .to_string();
    write_atomically(&card, text.as_bytes())?;
    Ok(card)
}
