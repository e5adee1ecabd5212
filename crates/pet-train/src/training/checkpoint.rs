//! The state of a training, and its checkpoints.

use std::collections::HashMap;
use std::path::PathBuf;

use fs_err as fs;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use super::configuration::{Configuration, Schedule};
use super::layout::Layout;
use super::loss::Outcome;
use super::optimizer::AdamW;
use crate::Error;
use crate::observer::EpochMetrics;
use crate::tensor_file::{self, CHECKSUM, checksum, from_le_bytes, le_bytes};

/// Increased when the meaning of a checkpoint changes.
const FORMAT: u32 = 1;
const HEADER: &str = "training";
const VECTORS: [&str; 5] = ["values", "average", "first_moment", "second_moment", "best"];
/// The largest file that is read, twice the five vectors of MobileNetV2 with 10,000 classes.
const MAX_BYTES: u64 = 1 << 30;

/// The state between two steps.
pub(crate) struct State {
    pub(crate) values: Vec<f32>,
    /// The moving average of the values; empty if turned off.
    pub(crate) average: Vec<f32>,
    pub(crate) optimizer: AdamW,
    pub(crate) progress: Progress,
    /// The validated values of the best epoch; empty before the first.
    pub(crate) best: Vec<f32>,
}

impl State {
    pub(crate) fn new(values: Vec<f32>, layout: &Layout, configuration: &Configuration) -> Self {
        let average = if configuration.average > 0.0 { values.clone() } else { Vec::new() };
        Self {
            values,
            average,
            optimizer: AdamW::new(layout, configuration.weight_decay),
            progress: Progress::default(),
            best: Vec::new(),
        }
    }

    /// Updates the moving average, with a smaller decay in the first steps.
    pub(crate) fn update_average(&mut self, decay: f64) {
        let steps = self.optimizer.steps as f64;
        let kept = decay.min((1.0 + steps) / (10.0 + steps)) as f32;
        for (average, value) in self.average.iter_mut().zip(&self.values) {
            *average = kept * *average + (1.0 - kept) * value;
        }
    }

    /// The values to validate and return.
    pub(crate) fn validated(&self) -> &[f32] {
        if self.average.is_empty() { &self.values } else { &self.average }
    }
}

/// The progress of a training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Progress {
    /// Finished batches of the current epoch.
    pub(crate) batches: usize,
    /// Sum of the losses in the current epoch.
    pub(crate) loss: f64,
    /// Correctly classified images in the current epoch.
    pub(crate) right: usize,
    /// Finished epochs.
    pub(crate) history: Vec<EpochMetrics>,
    pub(crate) best: Option<EpochMetrics>,
}

impl Progress {
    /// The current epoch, from 0.
    pub(crate) fn epoch(&self) -> usize {
        self.history.len()
    }

    pub(crate) fn batch_done(&mut self, outcomes: &[Outcome]) {
        self.batches += 1;
        self.loss += outcomes.iter().map(|outcome| outcome.loss).sum::<f64>();
        self.right += outcomes.iter().filter(|outcome| outcome.right).count();
    }

    pub(crate) fn epoch_done(&mut self, metrics: EpochMetrics) {
        self.history.push(metrics);
        (self.batches, self.loss, self.right) = (0, 0.0, 0);
    }

    pub(crate) fn is_over(&self, configuration: &Configuration) -> bool {
        let stopped =
            configuration.patience.is_some_and(|patience| self.epochs_without_gain() >= patience);
        stopped || self.epoch() >= configuration.epochs
    }

    /// The number of epochs since the highest validation accuracy was first reached. The best epoch may be later: among
    /// equal accuracies it has the lowest loss.
    fn epochs_without_gain(&self) -> usize {
        let mut highest = None;
        let mut raised = 0;
        for epoch in &self.history {
            if epoch.val_acc > highest {
                (highest, raised) = (epoch.val_acc, epoch.epoch);
            }
        }
        self.epoch().saturating_sub(raised + 1)
    }
}

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
        let header = serde_json::to_string(&header).map_err(Error::Json)?;
        let vectors = [
            &state.values,
            &state.average,
            &state.optimizer.first,
            &state.optimizer.second,
            &state.best,
        ];
        let bytes = vectors.map(|vector| le_bytes(vector).collect::<Vec<u8>>());
        let tensors = VECTORS.into_iter().zip(vectors).zip(&bytes);
        let tensors =
            tensors.map(|((name, vector), bytes)| (name, Dtype::F32, vec![vector.len()], &**bytes));
        let metadata = HashMap::from([
            (CHECKSUM.into(), checksum_of(&header, &bytes)),
            (HEADER.into(), header),
        ]);
        let file = tensor_file::encode(tensors, Some(metadata))?;
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
        let metadata = tensor_file::metadata(bytes).map_err(wrong)?;
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
        if *entry(CHECKSUM)? != checksum_of(text, &data) {
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

fn checksum_of(header: &str, vectors: &[impl AsRef<[u8]>]) -> String {
    checksum([header.as_bytes()].into_iter().chain(vectors.iter().map(AsRef::as_ref)))
}
