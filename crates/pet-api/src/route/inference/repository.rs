//! The model repository extension: lists, loads and unloads models.

use actix_web::dev::Payload;
use actix_web::web::{Data, Json, Path};
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::endpoint::{Described, Endpoint, Operation, post};
use crate::error::Code;
use crate::open_inference::{Malformed, Refusal};
use crate::repository::IndexEntry;
use crate::route::administrator::Administrator;
use crate::state::State;
use crate::upload::{Deadline, READING, read_body, state};

/// A model of the repository.
const MODEL: &str = "/v2/repository/models/{name}";

pub(super) fn endpoints() -> [Endpoint; 3] {
    [
        post("/v2/repository/index", index)
            .refusing(&[Code::Internal])
            .about(
                "List the models",
                "The served one and those in the folder of models, loaded or not.",
            ),
        post(format!("{MODEL}/load"), load)
            .refusing(&[Code::BadParameter, Code::Internal, Code::Full])
            .about(
                "Load a model",
                "From its folder as it is now. A model that is loaded already is replaced; no request is dropped, and if the new \
                 one does not load, the old one stays.",
            ),
        post(format!("{MODEL}/unload"), unload)
            .refusing(&[Code::BadParameter, Code::Internal])
            .about(
                "Unload a model",
                "Requests that have begun are still answered. The served model cannot be unloaded.",
            ),
    ]
}

/// An administrator's request: JSON, or an empty body. The token is checked before the body is read.
pub(super) struct Wanted<T>(T);

impl<T: JsonSchema> Described for Wanted<T> {
    fn describe(operation: &mut Operation) {
        Administrator::describe(operation);
        operation.takes_json_if_any::<T>();
        operation.refuses(&READING);
    }
}

impl<T: DeserializeOwned + Default + 'static> FromRequest for Wanted<T> {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let token = Administrator::from_request(request, payload).into_inner();
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            token?;
            let state = state(&request)?;
            let deadline = Deadline::extract(&request).await?;
            let limit = state.configuration.limits.bytes;
            let body = read_body(&request, payload, limit, &state.memory, deadline).await?;
            if body.is_empty() {
                return Ok(Self(T::default()));
            }
            let wanted =
                serde_json::from_slice(&body).map_err(|error| Malformed::RepositoryRequest {
                    reason: error.to_string(),
                })?;
            Ok(Self(wanted))
        })
    }
}

/// What stands in the path.
#[derive(Deserialize, JsonSchema)]
struct Named {
    /// Name of the model: that of its folder.
    name: String,
}

/// Which models to list.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(rename = "RepositoryIndexRequest")]
struct ForIndex {
    /// Only those that are loaded.
    #[serde(default)]
    ready: bool,
}

/// How to load a model.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(rename = "RepositoryLoadRequest")]
struct ForLoading {
    /// Must be empty: neither a configuration nor files replace what is in the folder.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 0))]
    parameters: Map<String, Value>,
}

/// How to unload a model.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(rename = "RepositoryUnloadRequest")]
struct ForUnloading {
    #[serde(default, rename = "parameters")]
    _parameters: UnloadingParameters,
}

#[derive(Default, Deserialize, JsonSchema)]
#[schemars(inline)]
struct UnloadingParameters {
    /// Also models that depend on it; there are none.
    #[serde(default, rename = "unload_dependents")]
    _unload_dependents: bool,
}

async fn index(
    Wanted(wanted): Wanted<ForIndex>,
    state: Data<State>,
) -> Result<Json<Vec<IndexEntry>>, Refusal> {
    let mut index = state.index().await?;
    index.retain(|entry| entry.is_ready() || !wanted.ready);
    Ok(Json(index))
}

async fn load(
    Wanted(wanted): Wanted<ForLoading>,
    named: Path<Named>,
    state: Data<State>,
) -> Result<Json<IndexEntry>, Refusal> {
    if !wanted.parameters.is_empty() {
        let got = wanted.parameters.keys().take(4).cloned().collect();
        return Err(Malformed::LoadParameters { got }.into());
    }
    Ok(Json(state.load(named.into_inner().name).await?))
}

async fn unload(
    Wanted(_): Wanted<ForUnloading>,
    named: Path<Named>,
    state: Data<State>,
) -> Result<Json<IndexEntry>, Refusal> {
    Ok(Json(state.unload(named.into_inner().name).await?))
}
