//! Storing the int8 model with its fp32 model.

use std::path::Path;

use fs_err as fs;
use pet_model::{
    CARD_FILE, INT8_MODEL_FILE, METRICS_FILE, MODEL_FILE, Metrics, Quantization, SELECTION_FILE,
    Selection, read_json, write_atomically, write_json,
};
use pet_predict::Runtime;
use pet_report::refresh_card;

use super::{Int8, Quantized};
use crate::export::{describe, digest, read_metrics};
use crate::replace::{publish, staging_folder};
use crate::{Error, Outliers, References};

impl Int8<'_> {
    /// Quantizes the model in `results`, and adds the int8 model there: its file, its digest in `selection.json`, its
    /// figures in `metrics.json` and in the model card. A model without detection of outliers gets it from `outliers`
    /// first, and both models get new `references`. `usage` is Markdown for the card on how to use the model. All files
    /// are staged first, so nothing changes if the model is not good enough or the disk is full.
    ///
    /// # Errors
    ///
    /// As [`Int8::quantize`], and [`Error::NoModel`] without a model to quantize, [`Error::Model`] or [`Error::Io`] if
    /// a file cannot be read or written.
    pub fn add_to_results(
        &self,
        runtime: &Runtime,
        results: &Path,
        outliers: &Outliers<'_>,
        references: &References<'_>,
        usage: &str,
    ) -> Result<Quantization, Error> {
        if !results.join(MODEL_FILE).exists() {
            let folder = results.to_owned();
            return Err(Error::NoModel { folder });
        }
        let staging = staging_folder(results)?;
        let stage = staging.path();
        for name in [MODEL_FILE, METRICS_FILE, SELECTION_FILE] {
            if name == MODEL_FILE || results.join(name).exists() {
                fs::copy(results.join(name), stage.join(name))?;
            }
        }
        let model = stage.join(MODEL_FILE);
        if describe(&model)?.least_similarity.is_none() {
            let metrics = read_metrics(stage)?;
            if let Some(run_id) = metrics.as_ref().and_then(Metrics::refit_of) {
                outliers.note_refit(run_id);
            }
            outliers.add(runtime, &model, None)?;
        }
        let quantized = self.quantize(runtime, &model)?;
        let mut names = quantized.stage(stage)?;
        references.add(runtime, stage)?;
        names.push(MODEL_FILE);
        names.extend(stage_digests(stage)?);
        refresh_card(stage, &describe(&model)?, usage)?;
        names.push(CARD_FILE);
        let figures = read_metrics(stage)?.and_then(|metrics| metrics.quantization);
        publish(stage, &names, &[], results)?;
        Ok(figures.unwrap_or(quantized.figures))
    }
}

/// Updates the digests of both models in the `selection.json` of a folder, and returns its name if it exists.
fn stage_digests(stage: &Path) -> Result<Option<&'static str>, Error> {
    let selection = stage.join(SELECTION_FILE);
    if !selection.exists() {
        return Ok(None);
    }
    let mut kept: Selection = read_json(&selection)?;
    kept.model_sha256 = Some(digest(&stage.join(MODEL_FILE))?);
    kept.int8_sha256 = Some(digest(&stage.join(INT8_MODEL_FILE))?);
    write_json(&selection, &kept)?;
    Ok(Some(SELECTION_FILE))
}

impl Quantized {
    /// Writes the model and its figures in `metrics.json` to a folder, and returns both names.
    pub(crate) fn stage(&self, stage: &Path) -> Result<Vec<&'static str>, Error> {
        write_atomically(&stage.join(INT8_MODEL_FILE), &self.bytes)?;
        let metrics = Metrics {
            quantization: Some(self.figures.clone()),
            ..read_metrics(stage)?.unwrap_or_default()
        };
        write_json(&stage.join(METRICS_FILE), &metrics)?;
        Ok(vec![INT8_MODEL_FILE, METRICS_FILE])
    }
}
