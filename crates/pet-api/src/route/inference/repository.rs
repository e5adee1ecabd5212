//! The model repository extension: lists, loads and unloads models.

use actix_web::dev::Payload;
use actix_web::web::{Data, Json, Path};
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::endpoint::{Describe, Endpoint, Operation, post};
use crate::error::{ApiError, Code};
use crate::open_inference::ProtocolError;
use crate::open_inference::error::reject_parameters;
use crate::repository::IndexEntry;
use crate::route::administrator::Administrator;
use crate::state::State;
use crate::upload::{Deadline, READ_ERRORS, read_body};

/// The path of a model.
const MODEL: &str = "/v2/repository/models/{name}";

pub(super) fn endpoints() -> [Endpoint; 3] {
    [
        post("/v2/repository/index", index)
            .errors(&[Code::Internal])
            .about(
                "List the models",
                "The served model and those in the folder of models, loaded or not.",
            ),
        post(format!("{MODEL}/load"), load)
            .errors(&[Code::BadParameter, Code::Internal, Code::Full])
            .about(
                "Load a model",
                "Loads it from the current contents of its folder, and replaces it if it was loaded already. No request is dropped; \
                 if the new model cannot be loaded, the old one stays.",
            ),
        post(format!("{MODEL}/unload"), unload)
            .errors(&[Code::BadParameter, Code::Internal])
            .about(
                "Unload a model",
                "Requests in progress are completed. The served model cannot be unloaded.",
            ),
    ]
}

/// An administrative request: JSON, or an empty body. The token is checked before the body is read.
pub(super) struct AdminRequest<T>(T);

impl<T: JsonSchema> Describe for AdminRequest<T> {
    fn describe(operation: &mut Operation) {
        Administrator::describe(operation);
        operation.add_optional_json_body::<T>();
        operation.add_errors(&READ_ERRORS);
    }
}

impl<T: DeserializeOwned + Default + 'static> FromRequest for AdminRequest<T> {
    type Error = ProtocolError;
    type Future = LocalBoxFuture<'static, Result<Self, ProtocolError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let token = Administrator::from_request(request, payload).into_inner();
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            token?;
            let deadline = Deadline::extract(&request).await?;
            let body = read_body(&request, payload, deadline).await?;
            if body.is_empty() {
                return Ok(Self(T::default()));
            }
            let parsed = serde_json::from_slice(&body).map_err(|error| {
                let detail = format!("the body is not a repository request: {error}");
                ApiError::new(Code::BadRequest, detail)
            });
            Ok(Self(parsed?))
        })
    }
}

/// Parameters in the path.
#[derive(Deserialize, JsonSchema)]
struct Named {
    /// Name of the model's folder.
    name: String,
}

/// Which models to list.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(rename = "RepositoryIndexRequest")]
struct IndexRequest {
    /// List only loaded models.
    #[serde(default)]
    ready: bool,
}

/// How to load a model.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(rename = "RepositoryLoadRequest")]
struct LoadRequest {
    /// Must be empty: the model's folder cannot be overridden with a configuration or files.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 0))]
    parameters: Map<String, Value>,
}

/// How to unload a model.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(rename = "RepositoryUnloadRequest")]
struct UnloadRequest {
    #[serde(default, rename = "parameters")]
    _parameters: UnloadingParameters,
}

#[derive(Default, Deserialize, JsonSchema)]
#[schemars(inline)]
struct UnloadingParameters {
    /// Also unload models that depend on it; there are none.
    #[serde(default, rename = "unload_dependents")]
    _unload_dependents: bool,
}

async fn index(
    AdminRequest(request): AdminRequest<IndexRequest>,
    state: Data<State>,
) -> Result<Json<Vec<IndexEntry>>, ProtocolError> {
    let mut index = state.index().await?;
    index.retain(|entry| entry.is_ready() || !request.ready);
    Ok(Json(index))
}

async fn load(
    AdminRequest(request): AdminRequest<LoadRequest>,
    named: Path<Named>,
    state: Data<State>,
) -> Result<Json<IndexEntry>, ProtocolError> {
    reject_parameters(request.parameters.into_iter().map(|(name, _)| name))?;
    Ok(Json(state.load(named.into_inner().name).await?))
}

async fn unload(
    AdminRequest(_): AdminRequest<UnloadRequest>,
    named: Path<Named>,
    state: Data<State>,
) -> Result<Json<IndexEntry>, ProtocolError> {
    Ok(Json(state.unload(named.into_inner().name).await?))
}
