//! The handlers of the Open Inference Protocol: `/v2/…`.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderValue;
use actix_web::web::{Bytes, Data, Json, Path};
use actix_web::{Either, FromRequest, HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::deployment::TrafficSplit;
use crate::endpoint::{Describe, Endpoint, Operation, Topic, get, post};
use crate::error::{ApiError, Code};
use crate::models::{IndexEntry, Models};
use crate::open_inference::output::Response;
use crate::open_inference::request::{HEADER_LENGTH, Request, reject_parameters, split};
use crate::open_inference::{self, Inference, InferenceModel, SERVER, Server};
use crate::route::request::Administrator;
use crate::state::State;
use crate::upload::{READ_ERRORS, WORK_ERRORS, read_body};

/// Work for each byte of JSON, relative to a pixel of a JPEG.
const JSON_WORK: u64 = 2;

/// Paths of a model, with and without its version.
const MODEL_PATHS: [&str; 2] = ["/v2/models/{name}", "/v2/models/{name}/versions/{version}"];

/// The path of a model in the repository.
const REPOSITORY_MODEL: &str = "/v2/repository/models/{name}";

pub(crate) fn topic() -> Topic {
    let mut endpoints = vec![
        get("/v2", server).about("Describe the service", "Name, version and extensions."),
        get("/v2/health/live", live).about("Liveness check", ""),
        get("/v2/health/ready", is_ready).errors(&[Code::NotReady]).about("Readiness check", ""),
    ];
    endpoints.extend(MODEL_PATHS.into_iter().flat_map(model_endpoints));
    endpoints.extend(repository_endpoints());
    Topic {
        name: "open inference",
        description: "The Open Inference Protocol (KServe v2), as used by Triton's clients.",
        endpoints,
    }
}

fn model_endpoints(path: &str) -> [Endpoint; 3] {
    [
        get(path, describe).about("Describe the model", "Inputs and outputs."),
        get(format!("{path}/ready"), model_ready)
            .errors(&[Code::NotReady])
            .about(
                "Readiness check of the model",
                "Send no requests while this fails.",
            ),
        post(format!("{path}/infer"), infer)
            .content_types(["application/octet-stream"])
            .errors(&[Code::BadParameter])
            .about(
                "Run the model",
                "The input `input` accepts FP32 tensors `[n, 3, height, width]` of the size that the model's metadata \
                 name, or BYTES `[n]`: image files, base64-encoded in JSON. The outputs are `output` (logits), \
                 `probabilities` and `class`. If an output is requested in binary form, its data follows the JSON.",
            ),
    ]
}

fn repository_endpoints() -> [Endpoint; 3] {
    [
        post("/v2/repository/index", index)
            .errors(&[Code::Internal])
            .about(
                "List the models",
                "The served model and those in the folder of models, loaded or not.",
            ),
        post(format!("{REPOSITORY_MODEL}/load"), load)
            .errors(&[Code::BadParameter, Code::Internal, Code::Full])
            .about(
                "Load a model",
                "Loads it from the current contents of its folder, and replaces it if it was loaded already. No request is dropped; \
                 if the new model cannot be loaded, the old one stays.",
            ),
        post(format!("{REPOSITORY_MODEL}/unload"), unload)
            .errors(&[Code::BadParameter, Code::Internal])
            .about(
                "Unload a model",
                "Requests in progress are completed. The served model cannot be unloaded.",
            ),
    ]
}

/// Whether the process is running.
#[derive(Serialize, JsonSchema)]
struct Live {
    live: bool,
}

/// Whether the service accepts requests.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Ready")]
struct ServerReady {
    ready: bool,
}

async fn server() -> Json<Server> {
    Json(SERVER)
}

async fn live() -> Json<Live> {
    Json(Live { live: true })
}

async fn is_ready(state: Data<State>) -> Result<Json<ServerReady>, ApiError> {
    state.check_ready()?;
    Ok(Json(ServerReady { ready: true }))
}

/// Parameters in the path of a model.
#[derive(Deserialize, JsonSchema)]
struct Names {
    /// Name of the model: the one in `/model`, or of a folder in the repository.
    name: String,
    /// Version of the model.
    version: Option<String>,
}

/// The model that a request names.
struct Named(TrafficSplit);

impl Describe for Named {
    fn describe(operation: &mut Operation) {
        Path::<Names>::describe(operation);
        operation.add_errors(&[Code::NotFound]);
    }
}

impl FromRequest for Named {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let unreadable = |_| ApiError::new(Code::NotFound, "the model name cannot be parsed");
        let names = Path::<Names>::extract(request).into_inner().map_err(unreadable);
        ready(names.and_then(|names| {
            let models = &State::of(request)?.models;
            Ok(Self(models.of_version(&names.name, names.version.as_deref())?))
        }))
    }
}

/// Whether the model accepts requests.
#[derive(Serialize, JsonSchema)]
struct ModelReady {
    name: String,
    ready: bool,
}

async fn describe(Named(split): Named) -> Result<Json<InferenceModel>, ApiError> {
    Ok(Json(InferenceModel::of(&split)))
}

async fn model_ready(
    Named(split): Named,
    state: Data<State>,
) -> Result<Json<ModelReady>, ApiError> {
    state.check_ready()?;
    let name = split.primary.name.clone();
    Ok(Json(ModelReady { name, ready: true }))
}

/// A body: JSON, and the binary data that follows it.
struct Content {
    json: Bytes,
    tail: Bytes,
    deadline: Instant,
}

#[derive(JsonSchema)]
struct Head {
    /// Length of the JSON part in bytes, if binary data follows it.
    #[schemars(rename = "Inference-Header-Content-Length")]
    _length: Option<usize>,
}

impl Describe for Content {
    fn describe(operation: &mut Operation) {
        operation.add_parameters::<Head>("header");
        operation.add_json_body::<Request<'_>>();
        operation.add_body("application/octet-stream", json!({}));
        operation.add_errors(&READ_ERRORS);
        operation.add_errors(&WORK_ERRORS);
    }
}

impl FromRequest for Content {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let (body, deadline) = read_body(&request, payload).await?;
            let header = request.headers().get(HEADER_LENGTH);
            let (json, tail) = split(&body, header.map(HeaderValue::as_bytes))?;
            Ok(Self { json, tail, deadline })
        })
    }
}

/// Runs the model on tensors or on photographs.
async fn infer(
    Named(split): Named,
    state: Data<State>,
    content: Content,
) -> Result<Either<Json<Response>, HttpResponse>, ApiError> {
    let Content { json, tail, deadline } = content;
    let work = json.len() as u64 * JSON_WORK;
    let read = move |rules| Inference::read(&json, &tail, rules);
    let inferred = open_inference::infer(&state, split, deadline, work, read).await?;
    let (response, tail) = Response::new(inferred);
    let Some(tail) = tail else {
        return Ok(Either::Left(Json(response)));
    };
    let json = serde_json::to_vec(&response).map_err(ApiError::internal)?;
    let length = (HEADER_LENGTH, json.len());
    let mut response = HttpResponse::Ok();
    response.content_type("application/octet-stream").insert_header(length);
    Ok(Either::Right(response.body([json, tail].concat())))
}

/// An administrative request: JSON, or an empty body. The token is checked before the body is read.
struct AdminRequest<T>(T);

impl<T: JsonSchema> Describe for AdminRequest<T> {
    fn describe(operation: &mut Operation) {
        Administrator::describe(operation);
        operation.add_json_body::<T>();
        operation.is_body_optional = true;
        operation.add_errors(&READ_ERRORS);
    }
}

impl<T: DeserializeOwned + Default + 'static> FromRequest for AdminRequest<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let token = Administrator::from_request(request, payload).into_inner();
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            token?;
            let (body, _) = read_body(&request, payload).await?;
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

/// Parameters in the path of a model in the repository.
#[derive(Deserialize, JsonSchema)]
struct FolderName {
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
) -> Result<Json<Vec<IndexEntry>>, ApiError> {
    let mut index = state.with_models(Models::index).await?;
    index.retain(|entry| entry.is_ready() || !request.ready);
    Ok(Json(index))
}

async fn load(
    AdminRequest(request): AdminRequest<LoadRequest>,
    named: Path<FolderName>,
    state: Data<State>,
) -> Result<Json<IndexEntry>, ApiError> {
    reject_parameters(request.parameters.into_iter().map(|(name, _)| name))?;
    Ok(Json(state.with_models(move |models| models.load_named(&named.name)).await?))
}

async fn unload(
    AdminRequest(_): AdminRequest<UnloadRequest>,
    named: Path<FolderName>,
    state: Data<State>,
) -> Result<Json<IndexEntry>, ApiError> {
    Ok(Json(state.with_models(move |models| models.unload_named(&named.name)).await?))
}
