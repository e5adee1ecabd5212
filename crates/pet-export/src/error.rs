//! Errors of selecting and exporting a version.

use std::path::PathBuf;

use pet_model::{MODEL_FILE, Quantization};

use crate::{Gate, Role};

/// A failure to select, compare or export a version.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tracking store failed.
    #[error("cannot {action}")]
    Tracking {
        /// The failed action.
        action: &'static str,
        /// The cause.
        source: mlflow_client::Error,
    },
    /// No version can be selected.
    #[error("model `{model}` has no version that can be ranked: {reasons}")]
    NoCandidate {
        /// The registered model.
        model: String,
        /// Why each version was excluded.
        reasons: String,
    },
    /// No version was trained on a data set with this digest.
    #[error(
        "no version of `{model}` was trained on a data set whose digest begins with `{digest}`"
    )]
    NoData {
        /// The registered model.
        model: String,
        /// The beginning of the digest.
        digest: String,
    },
    /// An alias points to no version.
    #[error("no version of `{model}` has the alias `{alias}`")]
    NoAlias {
        /// The registered model.
        model: String,
        /// The alias.
        alias: String,
    },
    /// The challenger or the champion cannot be used.
    #[error("cannot use the {role}, version {version} of `{model}`")]
    Contestant {
        /// Which of the two.
        role: Role,
        /// The registered model.
        model: String,
        /// The version.
        version: u32,
        /// The cause.
        source: Box<Error>,
    },
    /// Two versions cannot be compared.
    #[error(
        "cannot {} version {challenger} of `{model}`{}: {reason}",
        if champion.is_some() { "compare" } else { "judge" },
        champion.map(|version| format!(" with the champion, version {version}")).unwrap_or_default()
    )]
    Incomparable {
        /// The registered model.
        model: String,
        /// The version proposed as champion.
        challenger: u32,
        /// The champion, if there is one.
        champion: Option<u32>,
        /// How they differ.
        reason: String,
    },
    /// The selection's version is not a number.
    #[error("the selection of `{model}` names version `{version}`, expected a number")]
    InvalidVersion {
        /// The registered model.
        model: String,
        /// The text found.
        version: String,
        /// The cause.
        source: std::num::ParseIntError,
    },
    /// A version was not registered by this project.
    #[error("version {version} of `{model}` was not trained here: it has no `{file}`")]
    ForeignModel {
        /// The registered model.
        model: String,
        /// The version.
        version: String,
        /// The missing file.
        file: &'static str,
        /// The cause.
        source: mlflow_client::Error,
    },
    /// The files of a version have the expected names, but not the expected content.
    #[error("version {version} of `{model}` was not trained here: its files cannot be used")]
    ForeignFiles {
        /// The registered model.
        model: String,
        /// The version.
        version: String,
        /// The cause.
        source: Box<Error>,
    },
    /// The files of a version no longer exist.
    #[error("the files of version {version} of `{model}` are gone: there is nothing at `{place}`")]
    FilesGone {
        /// The registered model.
        model: String,
        /// The version.
        version: String,
        /// Their folder.
        place: String,
    },
    /// The selection and the registry disagree on the run of the version.
    #[error(
        "version {version} of `{model}` belongs to run `{got}`, the selection names run `{expected}`"
    )]
    OtherRun {
        /// The registered model.
        model: String,
        /// The version.
        version: String,
        /// The run in the selection.
        expected: String,
        /// The run in the registry.
        got: String,
    },
    /// The folder holds another model, which would be replaced.
    #[error("`{}` contains a different model: {reason}", folder.display())]
    OtherResults {
        /// The folder.
        folder: PathBuf,
        /// How its model differs.
        reason: String,
    },
    /// The version's ONNX model cannot be read.
    #[error("the registered ONNX model is damaged")]
    Onnx {
        /// The cause.
        #[from]
        source: onnx_graph::Error,
    },
    /// The version's metadata or a file of `results/` cannot be used.
    #[error("cannot use the model's files")]
    Model {
        /// The cause.
        #[from]
        source: pet_model::Error,
    },
    /// The weights cannot be used, or the network cannot be built from them.
    #[error("cannot rebuild the network")]
    Network {
        /// The cause.
        #[from]
        source: pet_train::Error,
    },
    /// candle could not run the network.
    #[error("cannot run the network in candle")]
    Candle {
        /// The cause.
        #[from]
        source: candle_core::Error,
    },
    /// ONNX Runtime could not load or run the exported model.
    #[error("ONNX Runtime rejects the exported model")]
    Predict {
        /// The cause.
        #[from]
        source: pet_predict::Error,
    },
    /// ONNX Runtime and candle compute different logits.
    #[error(
        "ONNX Runtime and candle disagree at batch {batch}: they differ by {got:e}, at most {expected:e} is allowed"
    )]
    Differs {
        /// Images in the batch.
        batch: usize,
        /// The largest difference allowed between two logits.
        expected: f32,
        /// The largest difference found.
        got: f32,
    },
    /// The model cannot detect outliers.
    #[error("the model does not end in a linear layer, so it has no features to compare")]
    NoFeatures,
    /// The images do not match the model, or one cannot be read.
    #[error(transparent)]
    Images {
        /// The cause.
        #[from]
        source: pet_pipeline::Error,
    },
    /// There is no model to quantize.
    #[error("`{}` has no `{MODEL_FILE}` to quantize", folder.display())]
    NoModel {
        /// The folder.
        folder: PathBuf,
    },
    /// The model has no convolutions.
    #[error("the model has no layers that can be quantized")]
    NothingToQuantize,
    /// No int8 model passes the [`Gate`].
    #[error(
        "the int8 model is not good enough on {} validation images: accuracy {:.4}, fp32 {:.4} (at most {:.4} lower is \
         allowed), different predictions for {:.2} % (at most {:.2} %)",
        figures.images, figures.top1_int8, figures.top1_fp32, gate.loss,
        100.0 * (1.0 - figures.agreement), 100.0 * gate.differing
    )]
    Gate {
        /// The figures of the best attempt.
        figures: Box<Quantization>,
        /// The limits.
        gate: Gate,
    },
    /// A file could not be read or written.
    #[error("cannot access a file")]
    Io {
        /// The cause, with the path.
        #[from]
        source: std::io::Error,
    },
}

impl Error {
    /// Suggests how to solve the problem.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Tracking { source, .. } => source.hint(),
            Self::Predict { source } => source.hint(),
            Self::Model { source } => source.hint(),
            Self::NoCandidate { .. } => Some("train and register a model first".into()),
            Self::ForeignModel { .. } | Self::ForeignFiles { .. } => {
                Some("choose a version that was, or train and register one".into())
            }
            Self::FilesGone { .. } => Some("restore them, or choose another version".into()),
            Self::OtherRun { .. } => {
                Some("the selection was made in another store; select again".into())
            }
            Self::OtherResults { .. } => {
                Some("export to another folder, or allow replacing this one".into())
            }
            Self::Images { source } => source.hint(),
            Self::Gate { .. } => {
                Some("keep the model in fp32, or calibrate with more images".into())
            }
            Self::InvalidVersion { .. } => Some("select again".into()),
            Self::NoAlias { .. } => Some("select a version, or set the alias on one".into()),
            Self::Contestant { role: Role::Champion, .. } => {
                Some("set the alias `champion` on a version that can be used".into())
            }
            Self::Contestant { source, .. } => source.hint(),
            Self::Incomparable { .. } => {
                Some("compare them on test images that neither was trained on".into())
            }
            _ => None,
        }
    }
}

/// Makes an [`Error::Tracking`] for the action that failed.
pub(crate) fn doing(action: &'static str) -> impl Fn(mlflow_client::Error) -> Error {
    move |source| Error::Tracking { action, source }
}
