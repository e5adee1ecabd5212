//! The model in integers beside the one that it was made of.

use std::path::Path;

use fs_err as fs;
use pet_model::{
    CARD_FILE, INT8_MODEL_FILE, METRICS_FILE, MODEL_FILE, Metrics, ModelMetadata, Quantization,
    SELECTION_FILE, Selection, read_json, write_atomically, write_json,
};
use pet_predict::Runtime;
use pet_report::refresh_card;
use sha2::{Digest, Sha256};

use super::{Int8, Quantized};
use crate::{Error, Outliers};

impl Int8<'_> {
    /// Quantizes the model that lies in `results`, and adds the result to it: the model, its digest in
    /// `selection.json`, its figures in `metrics.json` and in the card. A model that cannot tell outliers learns it
    /// first, from `outliers`. `usage` is Markdown for the card that shows how the calling program uses the model.
    /// Nothing there changes unless the model is good enough and there is space for all files.
    ///
    /// # Errors
    ///
    /// As [`Int8::quantize`]; [`Error::NoModel`] when there is none to quantize, [`Error::Model`] or [`Error::Io`] when a file cannot be read or written.
    pub fn add_to_results(
        &self,
        runtime: &Runtime,
        results: &Path,
        outliers: &Outliers<'_>,
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
        let read = onnx_graph::Model::from_bytes(&fs::read(&model)?)?;
        let mut metadata = ModelMetadata::from_properties(read.metadata())?;
        let mut changed = None;
        if metadata.least_similarity.is_none() {
            metadata = outliers.add(runtime, &model)?;
            changed = Some(digest(&fs::read(&model)?));
        }
        let quantized = self.quantize(runtime, &model)?;
        let mut names = quantized.stage(stage)?;
        names.extend(changed.is_some().then_some(MODEL_FILE));
        names.extend(stage_digests(stage, changed, &quantized)?);
        refresh_card(stage, &metadata, usage)?;
        names.push(CARD_FILE);
        for name in names {
            fs::rename(stage.join(name), results.join(name))?;
        }
        Ok(quantized.figures)
    }
}

/// Notes the digests of the models that changed in the `selection.json` of a folder, if it has one; its name then.
fn stage_digests(
    stage: &Path,
    model: Option<String>,
    quantized: &Quantized,
) -> Result<Option<&'static str>, Error> {
    let selection = stage.join(SELECTION_FILE);
    if !selection.exists() {
        return Ok(None);
    }
    let mut kept: Selection = read_json(&selection)?;
    kept.int8_sha256 = Some(quantized.digest());
    kept.model_sha256 = model.or(kept.model_sha256);
    write_json(&selection, &kept)?;
    Ok(Some(SELECTION_FILE))
}

/// SHA-256 in hexadecimal digits.
fn digest(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
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

    /// SHA-256 of the model file in hexadecimal digits.
    pub(crate) fn digest(&self) -> String {
        digest(&self.bytes)
    }
}
