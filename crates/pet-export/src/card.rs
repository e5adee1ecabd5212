//! The model card of `results/`.

use std::path::{Path, PathBuf};

use pet_model::{
    CARD_FILE, METRICS_FILE, Metrics, ModelMetadata, SELECTION_FILE, Selection, read_json,
    write_atomically,
};

use crate::Error;

/// Writes `MODEL_CARD.md` anew from the model's metadata and what `metrics.json` and `selection.json` beside it say.
///
/// # Errors
///
/// [`Error::Model`] when one of these files is damaged or the card cannot be written.
pub fn refresh_card(results: &Path, metadata: &ModelMetadata) -> Result<PathBuf, Error> {
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
    write_atomically(
        &card,
        pet_report::model_card(metadata, &metrics, selection.as_ref()).as_bytes(),
    )?;
    Ok(card)
}
