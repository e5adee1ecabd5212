//! `POST /v2/models/{name}/infer`

use std::sync::Arc;

use actix_web::web::{Bytes, Data, Json};
use actix_web::{Either, HttpResponse};
use pet_image::Cost;
use tracing::info_span;

use crate::error::ApiError;
use crate::loaded_model::LoadedModel;
use crate::open_inference::answer::{Answer, Row};
use crate::open_inference::input::{Input, Rules};
use crate::open_inference::output::Output;
use crate::open_inference::request::{HEADER_LENGTH, Kind, Request};
use crate::open_inference::response::{Body, Label, Response};
use crate::open_inference::{Malformed, ProtocolError};
use crate::route::inference::content::Content;
use crate::route::inference::model::Named;
use crate::state::State;
use crate::trace::record_model;
use crate::upload::Deadline;
use crate::worker::Worker;

/// Work for each byte of JSON, relative to a pixel of a JPEG.
const JSON_WORK: u64 = 2;

/// A valid request.
struct Inference {
    id: Option<String>,
    input: Input,
    outputs: Vec<Output>,
}

/// Runs the model on tensors or on photographs.
pub(super) async fn infer(
    Named(split): Named,
    state: Data<State>,
    content: Content,
) -> Result<Either<Json<Response>, HttpResponse>, ProtocolError> {
    let Content {
        json,
        tail,
        deadline,
    } = content;
    let rules = Rules {
        batch: state.configuration.batch.get(),
        side: split.primary.metadata().preprocess.size() as usize,
    };
    let classes = split.primary.metadata().classes.len();
    let reading = Cost {
        work: json.len() as u64 * JSON_WORK,
        ..Cost::default()
    };
    let read = move |_: &Worker| {
        let _read = info_span!("read").entered();
        Ok(Inference::read(&json, &tail, rules, classes)?)
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
    let rows = run(&state, &model, deadline, input).await?;
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
    respond(Body::new(label, &outputs, &answer))
}

impl Inference {
    fn read(json: &[u8], tail: &Bytes, rules: Rules, classes: usize) -> Result<Self, Malformed> {
        let request = Request::read(json)?;
        let input = Input::read(&request.inputs, tail, rules)?;
        let default: &[Kind] = match input {
            Input::Tensors { .. } => &[Kind::Logits],
            Input::Photographs(_) => &[Kind::Probabilities, Kind::Class],
        };
        Ok(Self {
            outputs: Output::requested(&request, default, classes)?,
            id: request.id,
            input,
        })
    }
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

fn respond(body: Body) -> Result<Either<Json<Response>, HttpResponse>, ProtocolError> {
    let Some(tail) = body.tail else {
        return Ok(Either::Left(Json(body.response)));
    };
    let json = serde_json::to_vec(&body.response).map_err(|error| ApiError::internal(&error))?;
    let mut response = HttpResponse::Ok();
    response
        .content_type("application/octet-stream")
        .insert_header((HEADER_LENGTH, json.len()));
    Ok(Either::Right(response.body([json, tail].concat())))
}
