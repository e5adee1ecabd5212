//! Running the model for a request, whether it came by HTTP or by gRPC.

use std::sync::Arc;

use actix_web::web::Bytes;
use pet_image::Cost;
use tracing::info_span;

use crate::error::ApiError;
use crate::loaded_model::LoadedModel;
use crate::open_inference::answer::{Answer, Row};
use crate::open_inference::input::{Input, Rules};
use crate::open_inference::output::Output;
use crate::open_inference::request::{self, Kind, Request};
use crate::open_inference::response::Label;
use crate::state::State;
use crate::trace::record_model;
use crate::traffic_split::TrafficSplit;
use crate::upload::Deadline;
use crate::worker::Worker;

/// A valid request.
pub(crate) struct Inference {
    id: Option<String>,
    input: Input,
    outputs: Vec<Output>,
}

/// The answer to a request.
pub(crate) struct Inferred {
    pub(crate) label: Label,
    pub(crate) outputs: Vec<Output>,
    pub(crate) answer: Answer,
}

impl Inference {
    /// Reads JSON, and the binary data that follow it.
    pub(crate) fn read(json: &[u8], tail: &Bytes, rules: Rules) -> Result<Self, ApiError> {
        let request = Request::read(json)?;
        let input = Input::read(&request.inputs, tail, rules)?;
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
            Input::Tensors { .. } => &[Kind::Logits],
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
    deadline: Deadline,
    work: u64,
    read: impl FnOnce(Rules) -> Result<Inference, ApiError> + Send + 'static,
) -> Result<Inferred, ApiError> {
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
    let read = state.queue.run(deadline.0, reading, read).await?;
    let Inference { id, input, outputs } = read.value;

    let tensors = matches!(input, Input::Tensors { .. });
    // Tensors were preprocessed for the primary model, whose metadata clients see. The first photograph of a request chooses
    // the model for all of them.
    let model = match &input {
        Input::Photographs(photographs) => {
            split.for_photograph(photographs.first().map(Bytes::as_ref).unwrap_or_default())
        }
        Input::Tensors { .. } => split.primary,
    };
    let rows = run(state, &model, deadline, input).await?;
    record_model(&model);
    let answer = Answer::new(model.metadata().classes.clone(), &rows);
    if tensors && model.role().has_served_classes() {
        for class in answer.best_classes() {
            state.metrics.count_class(&class);
        }
    }
    let label = Label {
        model_name: model.name().to_owned(),
        model_version: model.metadata().model_version.clone(),
        id,
    };
    Ok(Inferred { label, outputs, answer })
}

/// Runs the model. Each image is a separate job, so that a large batch does not delay other requests.
async fn run(
    state: &State,
    served: &Arc<LoadedModel>,
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
                    Row::new(logits, served.metadata())
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
