//! The Open Inference Protocol (`KServe` v2): what HTTP (`/v2/…`) and gRPC have in common, and the JSON of HTTP.
//!
//! ```text
//! body ── split ──▶ Request ── checked against the model ──▶ Input ── workers ──▶ Answer ──▶ Response
//! ```
//!
//! The input `input` takes FP32 tensors, or BYTES: the files of photographs. There are three outputs. By default, tensors
//! get the first, and photographs the other two.
//!
//! | output | datatype | shape | content |
//! |---|---|---|---|
//! | `output` | FP32 | `[n, classes]` | the model's logits |
//! | `probabilities` | FP32 | `[n, classes]` | their softmax, with the model's temperature |
//! | `class` | BYTES | `[n]` | the name of the most probable class |
//!
//! The parameter `classification` of one of the first two returns the best classes instead, as Triton does:
//! `value:index:class`. Extensions: `binary_tensor_data` and `classification`.

pub(crate) mod data;
pub(crate) mod input;
pub(crate) mod output;
pub(crate) mod request;

use std::sync::Arc;

use actix_web::web::Bytes;
use pet_image::Cost;
use pet_model::INPUT_NAME;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;
use tracing::info_span;

use crate::deployment::TrafficSplit;
use crate::error::ApiError;
use crate::loaded_model::LoadedModel;
use crate::open_inference::input::{Input, Rules};
use crate::open_inference::output::{Answer, Label, Output, Row};
use crate::open_inference::request::{Kind, Request};
use crate::queue::Worker;
use crate::state::State;

/// A valid request.
pub(crate) struct Inference {
    id: Option<String>,
    input: Input,
    outputs: Vec<Output>,
}

impl Inference {
    /// Reads JSON, and the binary data that follow it.
    pub(crate) fn read(json: &[u8], tail: &Bytes, rules: Rules) -> Result<Self, ApiError> {
        let request = Request::read(json)?;
        let input = Input::of_json(&request.inputs, tail, rules)?;
        let binary = request.parameters.binary_data_output;
        Self::new(request.id, input, &request.outputs, binary, rules)
    }

    /// A request with an input that was read. Outputs without their own setting are returned in binary form if `binary`.
    pub(crate) fn new(
        id: Option<String>,
        input: Input,
        outputs: &[request::Output],
        binary: bool,
        rules: Rules,
    ) -> Result<Self, ApiError> {
        let default: &[Kind] = match input {
            Input::Tensors(_) => &[Kind::Logits],
            Input::Photographs(_) => &[Kind::Probabilities, Kind::Class],
        };
        Ok(Self { outputs: Output::requested(outputs, binary, default, rules.classes)?, id, input })
    }
}

/// Reads a request on a worker, which is so much `work` relative to the pixels of a JPEG, then runs the model on its tensors
/// or photographs.
pub(crate) async fn infer(
    state: &State,
    split: TrafficSplit,
    deadline: Instant,
    work: u64,
    read: impl FnOnce(Rules) -> Result<Inference, ApiError> + Send + 'static,
) -> Result<Answer, ApiError> {
    let model = split.primary.metadata();
    let rules = Rules {
        batch: state.configuration.batch.get(),
        side: model.preprocess.size() as usize,
        classes: model.classes.len(),
    };
    let reading = Cost { work, ..Cost::default() };
    let read = move |_: &Worker| {
        let _read = info_span!("read").entered();
        read(rules)
    };
    let read = state.queue.run(deadline, reading, read).await?;
    let Inference { id, input, outputs } = read.value;

    let tensors = matches!(input, Input::Tensors(_));
    // Tensors were preprocessed for the primary model, whose metadata clients see. The first photograph of a request chooses
    // the model for all of them.
    let model = match &input {
        Input::Photographs(photographs) => {
            split.for_photograph(photographs.first().map(Bytes::as_ref).unwrap_or_default())
        }
        Input::Tensors(_) => split.primary,
    };
    let rows = run(state, &model, deadline, input).await?;
    model.record_answer();
    let label = Label {
        model_name: model.name.clone(),
        model_version: model.metadata().model_version.clone(),
        id,
    };
    let answer = Answer { label, outputs, classes: model.metadata().classes.clone(), rows };
    if tensors && model.role.has_served_classes() {
        for class in answer.best_classes() {
            state.metrics.count_class(&class);
        }
    }
    Ok(answer)
}

/// Runs the model. Each image is a separate job, so that a large batch does not delay other requests.
async fn run(
    state: &State,
    served: &Arc<LoadedModel>,
    deadline: Instant,
    input: Input,
) -> Result<Vec<Row>, ApiError> {
    let done = match input {
        Input::Tensors(tensors) => {
            let work = tensors.into_iter().map(|tensor| {
                let served = served.clone();
                let work = move |worker: &Worker| {
                    Row::new(worker.run_tensor(&served, &tensor)?, served.metadata())
                };
                (Cost::default(), work)
            });
            state.queue.run_all(deadline, work.collect()).await?
        }
        Input::Photographs(photographs) => {
            let work = photographs.into_iter().map(|bytes| {
                let (served, cost) = (served.clone(), state.cost(served, &bytes));
                let work = move |worker: &Worker| worker.answer(&served, &bytes).map(Row::from);
                (cost, work)
            });
            state.queue.run_all(deadline, work.collect()).await?
        }
    };
    let images = done.into_iter().enumerate().map(|(image, done)| match done {
        Ok(done) => Ok(done.value),
        Err(error) => Err(ApiError { detail: format!("image {image}: {}", error.detail), ..error }),
    });
    images.collect()
}

/// The service's metadata.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) extensions: &'static [&'static str],
}

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
            name: split.primary.name.clone(),
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
