//! The model in integers beside the one that it was made of.

use std::path::Path;

use fs_err as fs;
use pet_model::{
    CARD_FILE, INT8_MODEL_FILE, METRICS_FILE, MODEL_FILE, Metrics, Quantization, SELECTION_FILE,
    Selection, read_json, write_atomically, write_json,
};
use pet_predict::Runtime;
use pet_report::refresh_card;

use super::{Int8, Quantized};
use crate::export::{describe, digest, quantization};
use crate::{Error, Outliers, References};

impl Int8<'_> {
    /// Quantizes the model that lies in `results`, and adds the result to it: the model, its digest in
    /// `selection.json`, its figures in `metrics.json` and in the card. A model that cannot tell outliers learns it
    /// first, from `outliers`; both get what they answer to the images of `references`. `usage` is Markdown for the card
    /// that shows how the calling program uses the model. Nothing there changes unless the model is good enough and there is
    /// space for all files.
    ///
    /// # Errors
    ///
    /// As [`Int8::quantize`]; [`Error::NoModel`] when there is none to quantize, [`Error::Model`] or [`Error::Io`] when a file cannot be read or written.
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
        let staging = tempfile::Builder::new()
            .prefix(".export-")
            .tempdir_in(results)?;
        let stage = staging.path();
        for name in [MODEL_FILE, METRICS_FILE, SELECTION_FILE] {
            if name == MODEL_FILE || results.join(name).exists() {
                fs::copy(results.join(name), stage.join(name))?;
            }
        }
        let model = stage.join(MODEL_FILE);
        if describe(&model)?.least_similarity.is_none() {
            outliers.add(runtime, &model)?;
        }
        let quantized = self.quantize(runtime, &model)?;
        let mut names = quantized.stage(stage)?;
        references.add(runtime, stage)?;
        names.push(MODEL_FILE);
        names.extend(stage_digests(stage)?);
        refresh_card(stage, &describe(&model)?, usage)?;
        names.push(CARD_FILE);
        let figures = quantization(stage)?.unwrap_or(quantized.figures);
        for name in names {
            fs::rename(stage.join(name), results.join(name))?;
        }
        Ok(figures)
    }
}

/// Notes the digests of both models in the `selection.json` of a folder, if it has one; its name then.
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
    /// Writes the model into a folder, and its figures into the `metrics.json` there; the names of both.
    pub(crate) fn stage(&self, stage: &Path) -> Result<Vec<&'static str>, Error> {
        write_atomically(&stage.join(INT8_MODEL_FILE), &self.bytes)?;
        let file = stage.join(METRICS_FILE);
        let known: Option<Metrics> = file.exists().then(|| read_json(&file)).transpose()?;
        let metrics = Metrics {
            quantization: Some(self.figures.clone()),
            ..known.unwrap_or_default()
        };
        write_json(&file, &metrics)?;
        Ok(vec![INT8_MODEL_FILE, METRICS_FILE])
    }
}
