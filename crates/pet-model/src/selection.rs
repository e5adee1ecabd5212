//! `selection.json`: the served version, and why it was selected.

use serde::{Deserialize, Serialize};

/// The selection of one registered version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// Name in the model registry.
    pub model_name: String,
    /// The rule that ranked the candidates, in words.
    pub rule: String,
    /// The selected version: the first of the candidates.
    pub version: String,
    /// The run that trained it.
    pub run_id: String,
    /// Its validation accuracy, 0 to 1.
    pub val_acc: f64,
    /// The alias by which it was selected; empty if it was selected by its number.
    pub alias: String,
    /// What it and all candidates were trained on; `None` if the run does not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<TrainedOn>,
    /// All ranked versions, best first.
    pub candidates: Vec<Candidate>,
    /// Versions that could not be ranked, each with the reason.
    #[serde(default)]
    pub excluded: Vec<(String, String)>,
    /// SHA-256 of the exported `model.onnx` in hexadecimal digits; `None` until it is exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_sha256: Option<String>,
    /// SHA-256 of the `model.int8.onnx` beside it; `None` when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub int8_sha256: Option<String>,
}

/// What a model was trained on. Only models with the same value have the same validation images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainedOn {
    /// Name of the data set.
    pub name: String,
    /// Digest of its classes and images, in hexadecimal digits.
    pub digest: String,
    /// How validation images were split off, in words.
    pub split: String,
}

impl TrainedOn {
    /// The name with the beginning of the digest.
    pub fn short(&self) -> String {
        let digest: String = self.digest.chars().take(SHORT_DIGEST).collect();
        format!("{} {digest}", self.name)
    }
}

/// Digits of a digest that are shown.
const SHORT_DIGEST: usize = 8;

/// One registered version on the leaderboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Version in the model registry.
    pub version: String,
    /// The run that trained it.
    pub run_id: String,
    /// The run's display name.
    pub run_name: String,
    /// Validation accuracy, 0 to 1.
    pub val_acc: f64,
    /// Validation loss; `None` if the run has not logged one.
    pub val_loss: Option<f64>,
    /// Multiplications, each with an addition, for one image; `None` if the run has not logged them.
    #[serde(default)]
    pub multiply_adds: Option<u64>,
    /// Why it has its rank.
    pub reason: String,
}
