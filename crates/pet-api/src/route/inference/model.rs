//! Metadata and readiness of a model.

use std::future::Ready;

use actix_web::dev::Payload;
use actix_web::web::{Data, Json, Path};
use actix_web::{FromRequest, HttpRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Describe, Operation};
use crate::error::{ApiError, Code};
use crate::open_inference::ProtocolError;
use crate::open_inference::metadata::InferenceModel;
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
            let models = &State::of(request)?.models;
            models.of_version(&names.name, names.version.as_deref())
        });
        std::future::ready(split.map(Self).map_err(ProtocolError))
    }
}

/// Whether the model accepts requests.
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
