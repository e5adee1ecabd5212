//! What the protocol tells of the model.

use std::future::ready as at_once;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::web::{Data, Json, Path};
use actix_web::{FromRequest, HttpRequest};
use pet_model::{INPUT_NAME, ModelMetadata};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Described, Operation};
use crate::error::{ApiError, Code};
use crate::open_inference::Refusal;
use crate::open_inference::request::Kind;
use crate::served::Served;
use crate::state::State;
use crate::upload::state;

/// What stands in the path of a model.
#[derive(Deserialize, JsonSchema)]
struct Names {
    /// Name of the model, as `/model` tells it.
    name: String,
    /// Version of the model.
    version: Option<String>,
}

/// The served model, if it is the one that a request names.
pub(super) struct Named(pub(super) Arc<Served>);

impl Described for Named {
    fn describe(operation: &mut Operation) {
        Path::<Names>::describe(operation);
        operation.refuses(&[Code::NotFound]);
    }
}

impl FromRequest for Named {
    type Error = Refusal;
    type Future = std::future::Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let unreadable = |_| ApiError::new(Code::NotFound, "the name of the model cannot be read");
        let names = Path::<Names>::extract(request).into_inner();
        let names = names.map_err(unreadable);
        let served = names.and_then(|names| names.served(&*state(request)?));
        at_once(served.map(Self).map_err(Refusal))
    }
}

/// What the protocol tells of a model.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InferenceModel")]
pub(super) struct Model {
    name: String,
    versions: Vec<String>,
    platform: &'static str,
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
}

/// A tensor that the model takes or gives.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TensorMetadata")]
struct Tensor {
    name: &'static str,
    datatype: &'static str,
    /// -1 stands for any number of images.
    #[schemars(inner(range(min = -1)))]
    shape: Vec<i64>,
}

/// Whether requests to the model are welcome.
#[derive(Serialize, JsonSchema)]
pub(super) struct ModelReady {
    name: String,
    ready: bool,
}

impl Names {
    /// The served model, if it is the one that is named.
    pub(crate) fn served(&self, state: &State) -> Result<Arc<Served>, ApiError> {
        let served = state.served();
        let model = served.metadata();
        if self.name != model.model_name {
            let detail = format!("there is no model `{}`", self.name);
            let hint = format!("the served model is `{}`", model.model_name);
            return Err(ApiError::new(Code::NotFound, detail).with_hint(hint));
        }
        if let Some(version) = &self.version
            && Some(version) != model.model_version.as_ref()
        {
            let detail = format!("there is no version `{version}` of `{}`", self.name);
            let served = model.model_version.as_ref();
            let hint = served.map(|served| format!("the served version is `{served}`"));
            return Err(ApiError::new(Code::NotFound, detail).with_hint(hint));
        }
        Ok(served)
    }
}

/// What the model takes and gives.
pub(super) async fn describe(Named(served): Named) -> Result<Json<Model>, Refusal> {
    Ok(Json(Model::of(served.metadata())))
}

/// Requests to the model are welcome.
pub(super) async fn ready(
    Named(served): Named,
    state: Data<State>,
) -> Result<Json<ModelReady>, Refusal> {
    state.check_ready()?;
    let name = served.metadata().model_name.clone();
    Ok(Json(ModelReady { name, ready: true }))
}

impl Model {
    fn of(model: &ModelMetadata) -> Self {
        let side = i64::from(model.preprocess.size());
        let classes = model.classes.len() as i64;
        let outputs = Kind::ALL.into_iter().map(|kind| Tensor {
            name: kind.name(),
            datatype: kind.datatype(),
            shape: match kind {
                Kind::Class => vec![-1],
                Kind::Logits | Kind::Probabilities => vec![-1, classes],
            },
        });
        Self {
            name: model.model_name.clone(),
            versions: model.model_version.iter().cloned().collect(),
            platform: "onnx_onnxv1",
            inputs: vec![Tensor {
                name: INPUT_NAME,
                datatype: "FP32",
                shape: vec![-1, 3, side, side],
            }],
            outputs: outputs.collect(),
        }
    }
}
