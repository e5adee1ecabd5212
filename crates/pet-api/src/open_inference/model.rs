//! `GET /v2/models/{name}` and `/v2/models/{name}/ready`.

use std::sync::Arc;

use actix_web::web::{Data, Json, Path};
use pet_model::{INPUT_NAME, ModelMetadata};
use serde::{Deserialize, Serialize};

use super::Refusal;
use super::output::Kind;
use super::server::check_ready;
use crate::error::{ApiError, Code};
use crate::served::Served;
use crate::state::State;

/// The model that a request names.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    name: String,
    version: Option<String>,
}

/// What the protocol tells of a model.
#[derive(Serialize)]
pub(super) struct Model {
    name: String,
    versions: Vec<String>,
    platform: &'static str,
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
}

#[derive(Serialize)]
struct Tensor {
    name: &'static str,
    datatype: &'static str,
    /// -1 stands for any number of images.
    shape: Vec<i64>,
}

#[derive(Serialize)]
pub(super) struct ModelReady {
    name: String,
    ready: bool,
}

impl Named {
    /// The served model, if it is the one that is named.
    pub(super) fn served(&self, state: &State) -> Result<Arc<Served>, ApiError> {
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
pub(super) async fn metadata(
    state: Data<State>,
    named: Path<Named>,
) -> Result<Json<Model>, Refusal> {
    Ok(Json(Model::of(named.served(&state)?.metadata())))
}

/// Requests to the model are welcome.
pub(super) async fn ready(
    state: Data<State>,
    named: Path<Named>,
) -> Result<Json<ModelReady>, Refusal> {
    named.served(&state)?;
    check_ready(&state)?;
    let Named { name, .. } = named.into_inner();
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
