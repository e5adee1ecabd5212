//! What the protocol tells of the model.

use std::future::ready as at_once;

use actix_web::dev::Payload;
use actix_web::web::{Data, Json, Path};
use actix_web::{FromRequest, HttpRequest};
use pet_model::INPUT_NAME;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choice::Choice;
use crate::endpoint::{Described, Operation};
use crate::error::{ApiError, Code};
use crate::open_inference::Refusal;
use crate::open_inference::request::Kind;
use crate::state::State;
use crate::upload::state;

/// What stands in the path of a model.
#[derive(Deserialize, JsonSchema)]
struct Names {
    /// Name of the model: the one in `/model`, or a folder of the repository.
    name: String,
    /// Version of the model.
    version: Option<String>,
}

/// The models that a request names.
pub(super) struct Named(pub(super) Choice);

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
        let choice = names.and_then(|names| {
            let choice = state(request)?.models.named(&names.name)?;
            match &names.version {
                Some(version) => choice.of_version(version),
                None => Ok(choice),
            }
        });
        at_once(choice.map(Self).map_err(Refusal))
    }
}

/// What the protocol tells of a model.
#[derive(Serialize, JsonSchema)]
pub(super) struct InferenceModel {
    name: String,
    versions: Vec<String>,
    platform: &'static str,
    inputs: Vec<TensorMetadata>,
    outputs: Vec<TensorMetadata>,
}

/// A tensor that the model takes or gives.
#[derive(Serialize, JsonSchema)]
struct TensorMetadata {
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

/// What the model takes and gives.
pub(super) async fn describe(Named(choice): Named) -> Result<Json<InferenceModel>, Refusal> {
    Ok(Json(InferenceModel::of(&choice)))
}

/// Requests to the model are welcome.
pub(super) async fn ready(
    Named(choice): Named,
    state: Data<State>,
) -> Result<Json<ModelReady>, Refusal> {
    state.check_ready()?;
    let name = choice.served.name().to_owned();
    Ok(Json(ModelReady { name, ready: true }))
}

impl InferenceModel {
    fn of(choice: &Choice) -> Self {
        let model = choice.served.metadata();
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
            name: choice.served.name().to_owned(),
            versions: choice.versions(),
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
