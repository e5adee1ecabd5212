//! `selection.json`: which version is served, and why.

use serde::{Deserialize, Serialize};

/// The choice of one registered version out of all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// Name in the model registry.
    pub model_name: String,
    /// The rule that ordered the candidates, in words.
    pub rule: String,
    /// The version chosen: the first of the candidates.
    pub version: String,
    /// The run that trained it.
    pub run_id: String,
    /// Its validation accuracy, 0 to 1.
    pub val_acc: f64,
    /// The alias that now points to it.
    pub alias: String,
    /// All versions that could be ranked, best first.
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

/// One registered version on the leaderboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Version in the model registry.
    pub version: String,
    /// The run that trained it.
    pub run_id: String,
    /// The run's name, for people.
    pub run_name: String,
    /// Validation accuracy, 0 to 1.
    pub val_acc: f64,
    /// Validation loss; `None` when the run has not logged one.
    pub val_loss: Option<f64>,
    /// Why it stands where it stands.
    pub reason: String,
}
