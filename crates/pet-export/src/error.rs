//! What can go wrong between the registry and `results/`.

use std::path::PathBuf;

use pet_model::{MODEL_FILE, Quantization};

use crate::{Gate, Role};

/// Why a version could not be chosen or exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tracking store failed.
    #[error("cannot {action}")]
    Tracking {
        /// What was to be done.
        action: &'static str,
        /// The store's answer.
        source: mlflow_client::Error,
    },
    /// There is nothing to choose from.
    #[error("model `{model}` has no version that can be ranked: {reasons}")]
    NoCandidate {
        /// The registered model.
        model: String,
        /// Why each version was left out.
        reasons: String,
    },
    /// An alias points to no version.
    #[error("no version of `{model}` has the alias `{alias}`")]
    NoAlias {
        /// The registered model.
        model: String,
        /// The alias.
        alias: String,
    },
    /// A version that is to be compared cannot be.
    #[error("cannot use the {role}, version {version} of `{model}`")]
    Contestant {
        /// The part that it plays.
        role: Role,
        /// The registered model.
        model: String,
        /// The version.
        version: u32,
        /// What is wrong with it.
        source: Box<Error>,
    },
    /// Two versions cannot be compared.
    #[error(
        "cannot compare version {challenger} of `{model}` with the champion{}: {reason}",
        champion.map(|version| format!(", version {version}")).unwrap_or_default()
    )]
    Incomparable {
        /// The registered model.
        model: String,
        /// The version that is to become the champion.
        challenger: u32,
        /// The champion, if there is one.
        champion: Option<u32>,
        /// What is in the way.
        reason: String,
    },
    /// The selection's version is not a number.
    #[error("the selection of `{model}` names version `{version}`, expected a number")]
    InvalidVersion {
        /// The registered model.
        model: String,
        /// What stands there.
        version: String,
        /// Why it is none.
        source: std::num::ParseIntError,
    },
    /// A version was not registered by this project.
    #[error("version {version} of `{model}` was not trained here: it has no `{file}`")]
    ForeignModel {
        /// The registered model.
        model: String,
        /// The version.
        version: String,
        /// What its folder lacks.
        file: &'static str,
        /// The store's answer.
        source: mlflow_client::Error,
    },
    /// The selection names another run than the version in the registry.
    #[error(
        "version {version} of `{model}` belongs to run `{got}`, the selection names run `{expected}`"
    )]
    OtherRun {
        /// The registered model.
        model: String,
        /// The version.
        version: String,
        /// The run that the selection names.
        expected: String,
        /// The run that the registry names.
        got: String,
    },
    /// The results are those of another model.
    #[error("`{}` holds another model: {reason}", folder.display())]
    OtherResults {
        /// The folder that was to be replaced.
        folder: PathBuf,
        /// How the model there differs.
        reason: String,
    },
    /// The version's ONNX model cannot be read.
    #[error("the registered ONNX model is damaged")]
    Onnx {
        /// What is wrong with it.
        #[from]
        source: onnx_graph::Error,
    },
    /// The version's metadata or a file of `results/` cannot be used.
    #[error("cannot use the model's files")]
    Model {
        /// What is wrong.
        #[from]
        source: pet_model::Error,
    },
    /// The weights cannot be used, or the network cannot be built from them.
    #[error("cannot rebuild the network")]
    Network {
        /// What is wrong.
        #[from]
        source: pet_train::Error,
    },
    /// candle could not run the network.
    #[error("cannot run the network in candle")]
    Candle {
        /// candle's answer.
        #[from]
        source: candle_core::Error,
    },
    /// ONNX Runtime could not load or run the exported model.
    #[error("ONNX Runtime rejects the exported model")]
    Predict {
        /// What it answered.
        #[from]
        source: pet_predict::Error,
    },
    /// The two implementations of the network disagree.
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
    /// The model cannot learn to tell outliers.
    #[error("the model does not end in a linear layer, so it has no features to compare")]
    NoFeatures,
    /// The images do not fit the model, or one cannot be used.
    #[error(transparent)]
    Images {
        /// What is wrong.
        #[from]
        source: pet_pipeline::Error,
    },
    /// There is no model to quantize.
    #[error("`{}` holds no `{MODEL_FILE}` that a model in integers could be made of", folder.display())]
    NoModel {
        /// The folder.
        folder: PathBuf,
    },
    /// The model has no convolutions.
    #[error("the model has no layers that can be quantized")]
    NothingToQuantize,
    /// The model in integers is not good enough.
    #[error(
        "the int8 model is not good enough on {} validation images: accuracy {:.4}, in fp32 {:.4} (at most {:.4} less is allowed), other answers on {:.2} % (at most {:.2} %)",
        figures.images, figures.top1_int8, figures.top1_fp32, gate.loss,
        100.0 * (1.0 - figures.agreement), 100.0 * gate.differing
    )]
    Gate {
        /// Those of the best attempt.
        figures: Box<Quantization>,
        /// What is allowed.
        gate: Gate,
    },
    /// A file could not be read or written.
    #[error("cannot access a file")]
    Io {
        /// The operating system's answer, with the path.
        #[from]
        source: std::io::Error,
    },
}

impl Error {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Tracking { source, .. } => source.hint(),
            Self::Predict { source } => source.hint(),
            Self::Model { source } => source.hint(),
            Self::NoCandidate { .. } | Self::ForeignModel { .. } => {
                Some("train and register a model first".into())
            }
            Self::OtherRun { .. } => {
                Some("the selection was made in another store; select again".into())
            }
            Self::OtherResults { .. } => {
                Some("export to another folder, or ask to replace this one".into())
            }
            Self::Images { source } => source.hint(),
            Self::Gate { .. } => {
                Some("keep the model in fp32, or calibrate with more images".into())
            }
            Self::InvalidVersion { .. } => Some("select again".into()),
            Self::NoAlias { .. } => Some("select a version, or point the alias at one".into()),
            Self::Contestant {
                role: Role::Champion,
                ..
            } => Some("point the alias of the champion at a version that can be used".into()),
            Self::Contestant { source, .. } => source.hint(),
            Self::Incomparable { .. } => {
                Some("compare them on test images that neither was trained on".into())
            }
            _ => None,
        }
    }
}

/// Names what was being done when the store failed.
pub(crate) fn doing(action: &'static str) -> impl Fn(mlflow_client::Error) -> Error {
    move |source| Error::Tracking { action, source }
}
