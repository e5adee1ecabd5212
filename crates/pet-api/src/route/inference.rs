//! The handlers of the Open Inference Protocol: `/v2/…`.

use std::sync::Arc;

use actix_web::http::header::HeaderValue;
use actix_web::web::{self, Bytes, Data, Json, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use pet_image::Cost;
use pet_model::{INPUT_NAME, ModelMetadata};
use serde::{Deserialize, Serialize};
use tracing::info_span;

use crate::error::{ApiError, Code};
use crate::open_inference::answer::{Answer, Row};
use crate::open_inference::input::{Input, Rules};
use crate::open_inference::output::{Kind, Output};
use crate::open_inference::request::{HEADER_LENGTH, Request, split};
use crate::open_inference::response::{Body, Label};
use crate::open_inference::{Malformed, Refusal};
use crate::route::request::{get, post};
use crate::served::Served;
use crate::state::State;
use crate::trace::answered_by;
use crate::upload::{Deadline, read_body};
use crate::worker::Worker;

/// How long a byte of JSON takes, compared with a pixel of a JPEG.
const WORK: u64 = 2;

/// A model may be asked for with its version or without.
const MODEL: [&str; 2] = ["/v2/models/{name}", "/v2/models/{name}/versions/{version}"];

pub(crate) fn configure(services: &mut ServiceConfig) {
    services
        .service(get("/v2", server))
        .service(get("/v2/health/live", live))
        .service(get("/v2/health/ready", ready));
    for path in MODEL {
        services
            .service(get(path, model))
            .service(get(&format!("{path}/ready"), model_ready))
            .service(post(&format!("{path}/infer"), infer));
    }
    services.service(web::resource("/v2/{path:.*}").to(missing));
}

/// Any other path of the protocol.
async fn missing(request: HttpRequest) -> Result<&'static str, Refusal> {
    let detail = format!("the protocol has nothing at `{}`", request.path());
    Err(ApiError::new(Code::NotFound, detail).into())
}

/// A request that was read and found fitting.
struct Inference {
    id: Option<String>,
    input: Input,
    outputs: Vec<Output>,
}

/// Runs the model on tensors or on photographs.
pub(crate) async fn infer(
    deadline: Deadline,
    state: Data<State>,
    named: Path<Named>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Refusal> {
    let served = named.served(&state)?;
    let limit = state.configuration.limits.bytes;
    let payload = payload.into_inner();
    let body = read_body(&request, payload, limit, &state.memory, deadline).await?;
    let header = request.headers().get(HEADER_LENGTH);
    let (json, tail) = split(&body.into(), header.map(HeaderValue::as_bytes))?;

    let rules = Rules {
        batch: state.configuration.batch.get(),
        side: served.metadata().preprocess.size() as usize,
    };
    let classes = served.metadata().classes.len();
    // Megabytes of JSON are work as well.
    let reading = Cost {
        work: json.len() as u64 * WORK,
        ..Cost::default()
    };
    let read = move |_: &Worker| {
        let _read = info_span!("read").entered();
        Ok(Inference::read(&json, &tail, rules, classes)?)
    };
    let read = state.queue.run(deadline.0, reading, read).await?;
    let Inference { id, input, outputs } = read.value;

    let tensors = matches!(input, Input::Tensors { .. });
    let rows = run(&state, &served, deadline, input).await?;
    answered_by(served.metadata());
    let answer = Answer::new(served.metadata().classes.clone(), &rows);
    if tensors {
        for class in answer.best_classes() {
            state.metrics.classified(&class);
        }
    }
    let label = Label {
        model_name: &served.metadata().model_name,
        model_version: served.metadata().model_version.as_deref(),
        id: id.as_deref(),
    };
    let body = Body::write(label, &outputs, &answer).map_err(|error| ApiError::internal(&error))?;
    Ok(respond(body))
}

impl Inference {
    fn read(json: &[u8], tail: &Bytes, rules: Rules, classes: usize) -> Result<Self, Malformed> {
        let request = Request::read(json)?;
        let input = Input::read(&request.inputs, tail, rules)?;
        let usual: &[Kind] = match input {
            Input::Tensors { .. } => &[Kind::Logits],
            Input::Photographs(_) => &[Kind::Probabilities, Kind::Class],
        };
        Ok(Self {
            outputs: Output::wanted(&request, usual, classes)?,
            id: request.id,
            input,
        })
    }
}

/// Each image is a piece of work of its own, so that a large batch does not keep others waiting.
async fn run(
    state: &State,
    served: &Arc<Served>,
    deadline: Deadline,
    input: Input,
) -> Result<Vec<Row>, ApiError> {
    let done = match input {
        Input::Tensors { numbers, batch } => {
            let length = numbers.len() / batch.max(1);
            let numbers: Arc<[f32]> = numbers.into();
            let work = (0..batch).map(|image| {
                let (served, numbers) = (served.clone(), numbers.clone());
                let work = move |worker: &Worker| {
                    let start = image * length;
                    let tensor = numbers.get(start..start + length).unwrap_or_default();
                    let logits = worker.run_tensor(&served, tensor, 1)?;
                    Ok(Row::new(logits, served.metadata())?)
                };
                (Cost::default(), work)
            });
            state.queue.run_all(deadline.0, work.collect()).await?
        }
        Input::Photographs(photographs) => {
            let work = photographs.into_iter().map(|bytes| {
                let (served, cost) = (served.clone(), state.cost(served, &bytes));
                let work = move |worker: &Worker| worker.answer(&served, &bytes).map(Row::from);
                (cost, work)
            });
            state.queue.run_all(deadline.0, work.collect()).await?
        }
    };
    let images = done.into_iter().enumerate();
    let which = |image, error: ApiError| ApiError {
        detail: format!("image {image}: {}", error.detail),
        ..error
    };
    images
        .map(|(image, done)| match done {
            Ok(done) => Ok(done.value),
            Err(error) => Err(which(image, error)),
        })
        .collect()
}

fn respond(body: Body) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    match body.json_length {
        Some(length) => response
            .content_type("application/octet-stream")
            .insert_header((HEADER_LENGTH, length)),
        None => response.content_type("application/json"),
    };
    response.body(body.bytes)
}

#[derive(Serialize)]
pub(crate) struct Server {
    name: &'static str,
    version: &'static str,
    extensions: [&'static str; 2],
}

#[derive(Serialize)]
pub(crate) struct Live {
    live: bool,
}

#[derive(Serialize)]
pub(crate) struct Ready {
    ready: bool,
}

/// What the service is.
async fn server() -> Json<Server> {
    Json(Server {
        name: "MLOps Lab API",
        version: "1.0.0",
        extensions: ["binary_tensor_data", "classification"],
    })
}

/// The process runs.
pub(crate) async fn live() -> Json<Live> {
    Json(Live { live: true })
}

/// Requests are welcome.
pub(crate) async fn ready(state: Data<State>) -> Result<Json<Ready>, Refusal> {
    check_ready(&state)?;
    Ok(Json(Ready { ready: true }))
}

pub(crate) fn check_ready(state: &State) -> Result<(), ApiError> {
    if state.is_ready() {
        return Ok(());
    }
    Err(ApiError::new(Code::NotReady, "the service is stopping"))
}

/// The model that a request names.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    name: String,
    version: Option<String>,
}

/// What the protocol tells of a model.
#[derive(Serialize)]
pub(crate) struct Model {
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
pub(crate) struct ModelReady {
    name: String,
    ready: bool,
}

impl Named {
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
async fn model(state: Data<State>, named: Path<Named>) -> Result<Json<Model>, Refusal> {
    Ok(Json(Model::of(named.served(&state)?.metadata())))
}

/// Requests to the model are welcome.
pub(crate) async fn model_ready(
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
