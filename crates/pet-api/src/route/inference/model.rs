//! Metadata and readiness of a model.

use std::future::Ready;

use actix_web::dev::Payload;
use actix_web::web::{Data, Json, Path};
use actix_web::{FromRequest, HttpRequest};
use pet_model::INPUT_NAME;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Describe, Operation};
use crate::error::{ApiError, Code};
use crate::open_inference::ProtocolError;
use crate::open_inference::request::Kind;
use crate::state::State;
use crate::traffic_split::TrafficSplit;

/// Parameters in the path of a model.
#[derive(Deserialize, JsonSchema)]
struct Names {
    /// Name of the model: the one in `/model`, or of a folder in the repository.
    name: String,
    /// Version of the model.
    version: Option<String>,
}

/// The model that a request names.
pub(super) struct Named(pub(super) TrafficSplit);

impl Describe for Named {
    fn describe(operation: &mut Operation) {
        Path::<Names>::describe(operation);
        operation.add_errors(&[Code::NotFound]);
    }
}

impl FromRequest for Named {
    type Error = ProtocolError;
    type Future = Ready<Result<Self, ProtocolError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let unreadable = |_| ApiError::new(Code::NotFound, "the model name cannot be parsed");
        let names = Path::<Names>::extract(request).into_inner();
        let names = names.map_err(unreadable);
        let split = names.and_then(|names| {
            let split = State::of(request)?.models.named(&names.name)?;
            match &names.version {
                Some(version) => split.of_version(version),
                None => Ok(split),
            }
        });
        std::future::ready(split.map(Self).map_err(ProtocolError))
    }
}

/// The protocol's description of a model.
#[derive(Serialize, JsonSchema)]
pub(super) struct InferenceModel {
    name: String,
    versions: Vec<String>,
    platform: &'static str,
    inputs: Vec<TensorMetadata>,
    outputs: Vec<TensorMetadata>,
}

/// An input or output tensor of the model.
#[derive(Serialize, JsonSchema)]
struct TensorMetadata {
    name: &'static str,
    datatype: &'static str,
    /// -1 means any number of images.
    #[schemars(inner(range(min = -1)))]
    shape: Vec<i64>,
}

/// Whether requests to the model are welcome.
#[derive(Serialize, JsonSchema)]
pub(super) struct ModelReady {
    name: String,
    ready: bool,
}

pub(super) async fn describe(Named(split): Named) -> Result<Json<InferenceModel>, ProtocolError> {
    Ok(Json(InferenceModel::of(&split)))
}

pub(super) async fn ready(
    Named(split): Named,
    state: Data<State>,
) -> Result<Json<ModelReady>, ProtocolError> {
    state.check_ready()?;
    let name = split.primary.name().to_owned();
    Ok(Json(ModelReady { name, ready: true }))
}

impl InferenceModel {
    fn of(split: &TrafficSplit) -> Self {
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
