//! Checkpoints of a training.

use std::collections::HashMap;
use std::path::PathBuf;

use fs_err as fs;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::state::{Progress, State};
use super::{Configuration, Schedule};
use crate::Error;
use crate::bytes::{from_le_bytes, le_bytes};

/// Increased when the meaning of a checkpoint changes.
const FORMAT: u32 = 1;
const HEADER: &str = "training";
const CHECKSUM: &str = "sha256";
const VECTORS: [&str; 5] = ["values", "average", "first_moment", "second_moment", "best"];
/// The largest file that is read, twice the five vectors of MobileNetV2 with 10,000 classes.
const MAX_BYTES: u64 = 1 << 30;

/// The file that a training is saved to, and resumed from if it exists.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The path of the file.
    pub path: PathBuf,
    /// Identifies the images and the preprocessing, such as a digest of the data set. A checkpoint of other data is
    /// rejected.
    pub data: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u32,
    data: String,
    configuration: Configuration,
    steps: u64,
    progress: Progress,
}

impl Checkpoint {
    /// Writes the state atomically.
    pub(crate) fn save(&self, state: &State, configuration: &Configuration) -> Result<(), Error> {
        let header = Header {
            format: FORMAT,
            data: self.data.clone(),
            configuration: configuration.clone(),
            steps: state.optimizer.steps,
            progress: state.progress.clone(),
        };
        let header = serde_json::to_string(&header).map_err(|source| Error::Json { source })?;
        let vectors = [
            &state.values,
            &state.average,
            &state.optimizer.first,
            &state.optimizer.second,
            &state.best,
        ];
        let bytes = vectors.map(|vector| le_bytes(vector).collect::<Vec<u8>>());
        let mut views = Vec::new();
        for ((name, vector), bytes) in VECTORS.iter().zip(vectors).zip(&bytes) {
            let view = TensorView::new(Dtype::F32, vec![vector.len()], bytes)
                .map_err(|source| Error::Serialize { source })?;
            views.push((*name, view));
        }
        let checksum = checksum(&header, bytes.iter().map(Vec::as_slice));
        let metadata = HashMap::from([(HEADER.into(), header), (CHECKSUM.into(), checksum)]);
        let file = safetensors::serialize(views, Some(metadata))
            .map_err(|source| Error::Serialize { source })?;
        Ok(pet_model::write_atomically(&self.path, &file)?)
    }

    /// Restores `state`, which was created for the same training. Returns whether there is a checkpoint.
    pub(crate) fn load(
        &self,
        state: &mut State,
        configuration: &Configuration,
    ) -> Result<bool, Error> {
        if !self.path.exists() {
            return Ok(false);
        }
        if fs::metadata(&self.path)?.len() > MAX_BYTES {
            return Err(self.corrupt("it is larger than any valid checkpoint"));
        }
        let bytes = fs::read(&self.path)?;
        let (header, vectors) = self.parse(&bytes)?;
        self.compare("data", &self.data, &header.data)?;
        let mut saved = header.configuration;
        // Constant learning rates don't depend on the number of epochs, so more of them may follow.
        if saved.schedule == Schedule::Constant && saved.epochs < configuration.epochs {
            saved.epochs = configuration.epochs;
        }
        let of = |configuration: &Configuration| format!("{configuration:?}");
        self.compare("configuration", &of(configuration), &of(&saved))?;
        let [values, average, first, second, best] = vectors;
        let best_length = header.progress.best.map_or(0, |_| state.values.len());
        let expected = [
            state.values.len(),
            state.average.len(),
            state.values.len(),
            state.values.len(),
            best_length,
        ];
        if [&values, &average, &first, &second, &best].map(Vec::len) != expected {
            return Err(self.corrupt("its vectors have different lengths than this network's"));
        }
        (state.values, state.average, state.best) = (values, average, best);
        (state.optimizer.first, state.optimizer.second) = (first, second);
        state.optimizer.steps = header.steps;
        state.progress = header.progress;
        Ok(true)
    }

    fn parse(&self, bytes: &[u8]) -> Result<(Header, [Vec<f32>; 5]), Error> {
        let wrong = |error: safetensors::SafeTensorError| self.corrupt(&error.to_string());
        let file = SafeTensors::deserialize(bytes).map_err(wrong)?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(wrong)?;
        let metadata = metadata.metadata().clone().unwrap_or_default();
        let entry = |name: &str| {
            let missing = || self.corrupt(&format!("it has no `{name}`"));
            metadata.get(name).ok_or_else(missing)
        };
        let mut vectors = [const { Vec::new() }; 5];
        let mut data = Vec::new();
        for (vector, name) in vectors.iter_mut().zip(VECTORS) {
            let tensor = file.tensor(name).map_err(wrong)?;
            if tensor.dtype() != Dtype::F32 {
                return Err(self.corrupt(&format!("`{name}` is not of type f32")));
            }
            data.push(tensor.data());
            *vector = from_le_bytes(tensor.data());
        }
        let text = entry(HEADER)?;
        if *entry(CHECKSUM)? != checksum(text, data.into_iter()) {
            return Err(self.corrupt("its checksum does not match its contents"));
        }
        let header: Header =
            serde_json::from_str(text).map_err(|error| self.corrupt(&error.to_string()))?;
        self.compare("format", &FORMAT.to_string(), &header.format.to_string())?;
        Ok((header, vectors))
    }

    fn compare(&self, what: &'static str, expected: &str, got: &str) -> Result<(), Error> {
        if expected == got {
            return Ok(());
        }
        Err(Error::OtherCheckpoint {
            path: self.path.clone(),
            what,
            expected: expected.into(),
            got: got.into(),
        })
    }

    fn corrupt(&self, reason: &str) -> Error {
        Error::CorruptCheckpoint { path: self.path.clone(), reason: reason.into() }
    }

    /// Removes the file if it exists.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be removed.
    pub fn remove(&self) -> Result<(), Error> {
        if self.path.exists() {
            fs::remove_file(&self.path)?;
        }
        Ok(())
    }
}

fn checksum<'a>(header: &str, vectors: impl Iterator<Item = &'a [u8]>) -> String {
    let digest = vectors.fold(Sha256::new().chain_update(header), Digest::chain_update);
    format!("{:x}", digest.finalize())
}
