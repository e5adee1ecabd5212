//! `POST /v2/models/{name}/infer`

use std::sync::Arc;

use actix_web::http::header::HeaderValue;
use actix_web::web::{Bytes, Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::Refusal;
use super::answer::{Answer, Row};
use super::body::{HEADER_LENGTH, split};
use super::input::{Input, Rules};
use super::malformed::Malformed;
use super::model::Named;
use super::output::{Kind, Output};
use super::request::Request;
use super::response::{Body, Label};
use crate::error::{ApiError, Code};
use crate::served::Served;
use crate::state::State;
use crate::upload::{self, Deadline, read_body};
use crate::worker::Worker;

/// A request that was read and found fitting.
struct Inference {
    id: Option<String>,
    input: Input,
    outputs: Vec<Output>,
}

/// The answer to one image, and the model that gave it.
type Answered = (Arc<Served>, Row);

/// Runs the model on tensors or on photographs.
pub(super) async fn infer(
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
    let (json, tail) = split(&held(body), header.map(HeaderValue::as_bytes))?;

    let rules = Rules {
        batch: state.configuration.batch.get(),
        side: served.metadata().preprocess.size() as usize,
    };
    let classes = served.metadata().classes.len();
    // Megabytes of JSON are work as well.
    let read = move |_: &mut Worker| Ok(Inference::read(&json, &tail, rules, classes)?);
    let Inference { id, input, outputs } = state.queue.run(deadline.0, read).await?.value;

    let tensors = matches!(input, Input::Tensors { .. });
    let (served, answer) = answer(run(&state, deadline, input).await?)?;
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

/// The body without a copy; its memory counts as used as long as a part of it is held.
fn held(body: upload::Body) -> Bytes {
    struct Owner(upload::Body);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    Bytes::from_owner(Owner(body))
}

/// Each image is a piece of work of its own, so that a large batch does not keep others waiting.
async fn run(state: &State, deadline: Deadline, input: Input) -> Result<Vec<Answered>, ApiError> {
    let done = match input {
        Input::Tensors { numbers, batch } => {
            let length = numbers.len() / batch.max(1);
            let numbers: Arc<[f32]> = numbers.into();
            let work = (0..batch).map(|image| {
                let (numbers, start) = (numbers.clone(), image * length);
                move |worker: &mut Worker| {
                    tensor(
                        worker,
                        numbers.get(start..start + length).unwrap_or_default(),
                    )
                }
            });
            state.queue.run_all(deadline.0, work.collect()).await?
        }
        Input::Photographs(photographs) => {
            let work = photographs
                .into_iter()
                .map(|bytes| move |worker: &mut Worker| photograph(worker, &bytes));
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

fn tensor(worker: &mut Worker, tensor: &[f32]) -> Result<Answered, ApiError> {
    let logits = worker.run_tensor(tensor, 1)?;
    let served = worker.served()?;
    let row = Row::new(logits, served.metadata())?;
    Ok((served, row))
}

fn photograph(worker: &mut Worker, bytes: &[u8]) -> Result<Answered, ApiError> {
    let row = worker.predict(bytes)?.into();
    Ok((worker.served()?, row))
}

/// Puts the images together. The model may have been changed between two of them; that is no harm
/// as long as both tell the same classes apart.
fn answer(answered: Vec<Answered>) -> Result<(Arc<Served>, Answer), ApiError> {
    let (models, rows): (Vec<_>, Vec<_>) = answered.into_iter().unzip();
    let last = models.last().filter(|&last| {
        let mut models = models.iter();
        models.all(|model| model.metadata().classes == last.metadata().classes)
    });
    let Some(last) = last else {
        let detail = "the served model was changed during the request";
        return Err(ApiError::new(Code::NotReady, detail).with_hint("send it again".to_owned()));
    };
    Ok((
        last.clone(),
        Answer::new(last.metadata().classes.clone(), &rows),
    ))
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
