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
use crate::Error;

impl Int8<'_> {
    /// Quantizes the model that lies in `results`, and adds the result to it: the model, its digest in
    /// `selection.json`, its figures in `metrics.json` and in the card. `usage` is Markdown for the card that shows how
    /// the calling program uses the model. Nothing there changes unless the model is good enough and there is space for
    /// all files.
    ///
    /// # Errors
    ///
    /// As [`Int8::quantize`]; [`Error::Model`] or [`Error::Io`] when a file cannot be read or written.
    pub fn add_to_results(
        &self,
        runtime: &Runtime,
        results: &Path,
        usage: &str,
    ) -> Result<Quantization, Error> {
        let model = results.join(MODEL_FILE);
        let quantized = self.quantize(runtime, &model)?;
        let read = onnx_graph::Model::from_bytes(&fs::read(&model)?)?;
        let metadata = ModelMetadata::from_properties(read.metadata())?;
        let staging = tempfile::Builder::new()
            .prefix(".export-")
            .tempdir_in(results)?;
        let stage = staging.path();
        for name in [METRICS_FILE, SELECTION_FILE] {
            if results.join(name).exists() {
                fs::copy(results.join(name), stage.join(name))?;
            }
        }
        let mut names = quantized.stage(stage)?;
        let selection = stage.join(SELECTION_FILE);
        if selection.exists() {
            let mut kept: Selection = read_json(&selection)?;
            kept.int8_sha256 = Some(quantized.digest());
            write_json(&selection, &kept)?;
            names.push(SELECTION_FILE);
        }
        refresh_card(stage, &metadata, usage)?;
        names.push(CARD_FILE);
        for name in names {
            fs::rename(stage.join(name), results.join(name))?;
        }
        Ok(quantized.figures)
    }
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
        format!("{:x}", Sha256::digest(&self.bytes))
    }
}
