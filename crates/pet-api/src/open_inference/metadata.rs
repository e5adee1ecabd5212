//! Descriptions of the service and of a model.

use pet_model::INPUT_NAME;
use schemars::JsonSchema;
use serde::Serialize;

use crate::open_inference::request::Kind;
use crate::traffic_split::TrafficSplit;

/// The service's metadata.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) extensions: &'static [&'static str],
}

/// This service.
pub(crate) const SERVER: Server = Server {
    name: "MLOps Lab API",
    version: "1.0.0",
    extensions: &["binary_tensor_data", "classification", "model_repository"],
};

/// A model's metadata.
#[derive(Serialize, JsonSchema)]
pub(crate) struct InferenceModel {
    pub(crate) name: String,
    pub(crate) versions: Vec<String>,
    pub(crate) platform: &'static str,
    pub(crate) inputs: Vec<TensorMetadata>,
    pub(crate) outputs: Vec<TensorMetadata>,
}

/// An input or output tensor of the model.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TensorMetadata {
    pub(crate) name: &'static str,
    pub(crate) datatype: &'static str,
    /// -1 means any number of images.
    #[schemars(inner(range(min = -1)))]
    pub(crate) shape: Vec<i64>,
}

impl InferenceModel {
    pub(crate) fn of(split: &TrafficSplit) -> Self {
        let model = split.primary.metadata();
        let side = i64::from(model.preprocess.size());
        let classes = model.classes.len() as i64;
        let outputs = Kind::ALL.into_iter().map(|kind| TensorMetadata {
            name: kind.name(),
            datatype: kind.datatype(),
            shape: match kind {
                Kind::Class => vec![-1],
                Kind::Logits | Kind::Probabilities => vec![-1, classes],
            },
        });
        Self {
            name: split.primary.name().to_owned(),
            versions: split.versions(),
            platform: "onnx_onnxv1",
            inputs: vec![TensorMetadata {
                name: INPUT_NAME,
                datatype: "FP32",
                shape: vec![-1, 3, side, side],
            }],
            outputs: outputs.collect(),
        }
    }
}
