//! `POST /predict` and `/predict/batch`.

use std::num::NonZero;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data, ServiceConfig};
use pet_predict::Prediction;
use serde::Serialize;

use crate::error::{ApiError, Refusal};
use crate::metrics::milliseconds;
use crate::route::request::Parameters;
use crate::route::request::post;
use crate::route::timing::of_prediction;
use crate::state::State;
use crate::trace::answered_by;
use crate::upload::{Photograph, Upload, Uploads};
use crate::worker::Worker;

pub(crate) fn configure(services: &mut ServiceConfig) {
    services
        .service(post("/predict", predict))
        .service(post("/predict/batch", predict_batch));
}

/// What is said of one photograph: the fields of the original, and more when asked for.
#[derive(Serialize)]
struct Answer<'a> {
    predicted_class: &'a str,
    confidence: f32,
    all_classes: &'a [String],
    #[serde(flatten)]
    likeness: Likeness,
    #[serde(flatten)]
    details: Option<Details<'a>>,
}

/// Whether the photograph shows any of the classes, from a model that can tell.
#[derive(Serialize)]
struct Likeness {
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    similarity: Option<f32>,
}

impl Likeness {
    fn of(prediction: &Prediction) -> Self {
        Self {
            known: prediction.is_known(),
            similarity: prediction.similarity(),
        }
    }
}

#[derive(Serialize)]
struct Details<'a> {
    top_k: Vec<Ranked<'a>>,
    model_version: Option<&'a str>,
    timing: Timing,
}

/// One of the likeliest classes.
#[derive(Serialize)]
pub(crate) struct Ranked<'a> {
    class: &'a str,
    probability: f32,
}

/// How long each phase took, in milliseconds.
#[derive(Serialize)]
struct Timing {
    queue: f64,
    decode: f64,
    preprocess: f64,
    inference: f64,
}

/// `seed` is accepted as in the original and changes nothing: predictions are never random.
async fn predict(
    state: Data<State>,
    parameters: Parameters,
    upload: Upload,
) -> Result<HttpResponse, ApiError> {
    parameters.get::<i64>("seed", "a whole number")?;
    let top_k = top_k(&parameters)?;
    let Upload { body, deadline, .. } = upload;
    let (served, body) = (state.served(), Bytes::from(body));
    let cost = state.cost(&served, &body);
    let model = served.clone();
    let work = move |worker: &Worker| worker.answer(&model, &body);
    let done = state.queue.run(deadline.0, cost, work).await?;
    answered_by(served.metadata());
    let prediction = &done.value;
    let timing = of_prediction(done.waited, prediction.timing());
    Ok(HttpResponse::Ok().insert_header(timing).json(Answer {
        predicted_class: prediction.predicted_class(),
        confidence: prediction.confidence(),
        all_classes: prediction.classes(),
        likeness: Likeness::of(prediction),
        details: top_k.map(|count| Details {
            top_k: ranked(prediction, count),
            model_version: served.metadata().model_version.as_deref(),
            timing: Timing::of(prediction, done.waited),
        }),
    }))
}

/// How many of the likeliest classes are asked for.
pub(crate) fn top_k(parameters: &Parameters) -> Result<Option<usize>, ApiError> {
    let top_k = parameters.get::<NonZero<u16>>("top_k", "a whole number from 1")?;
    Ok(top_k.map(|count| usize::from(count.get())))
}

/// The likeliest classes.
pub(crate) fn ranked(prediction: &Prediction, count: usize) -> Vec<Ranked<'_>> {
    let ranked = prediction.top_k(count).into_iter();
    ranked
        .map(|one| Ranked {
            class: one.class,
            probability: one.probability,
        })
        .collect()
}

impl Timing {
    fn of(prediction: &Prediction, waited: Duration) -> Self {
        let timing = prediction.timing();
        Self {
            queue: milliseconds(waited),
            decode: milliseconds(timing.decode),
            preprocess: milliseconds(timing.preprocess),
            inference: milliseconds(timing.inference),
        }
    }
}

/// The answers, in the order of the files.
#[derive(Serialize)]
struct Answers<'a> {
    predictions: Vec<OfFile<'a>>,
}

#[derive(Serialize)]
struct OfFile<'a> {
    file: Option<&'a str>,
    #[serde(flatten)]
    outcome: Outcome<'a>,
}

/// A prediction, or why there is none.
#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<'a> {
    Predicted {
        predicted_class: &'a str,
        confidence: f32,
        #[serde(flatten)]
        likeness: Likeness,
        #[serde(skip_serializing_if = "Option::is_none")]
        top_k: Option<Vec<Ranked<'a>>>,
    },
    Refused {
        error: Refusal<'a>,
    },
}

/// A file that cannot be used spoils no other.
async fn predict_batch(
    state: Data<State>,
    parameters: Parameters,
    uploads: Uploads,
) -> Result<HttpResponse, ApiError> {
    let top_k = top_k(&parameters)?;
    let (names, bodies): (Vec<_>, Vec<_>) = uploads
        .photographs
        .into_iter()
        .map(|Photograph { name, body }| (name, body))
        .unzip();
    let served = state.served();
    let work = bodies.into_iter().map(|body| {
        let (model, body) = (served.clone(), body.map(Bytes::from));
        let cost = body.as_ref().map(|body| state.cost(&served, body));
        let cost = cost.unwrap_or_default();
        let work = move |worker: &Worker| worker.answer(&model, &body?);
        (cost, work)
    });
    let outcomes = state
        .queue
        .run_all(uploads.deadline.0, work.collect())
        .await?;
    answered_by(served.metadata());
    let answers = names.iter().zip(&outcomes).map(|(name, outcome)| OfFile {
        file: name.as_deref(),
        outcome: match outcome {
            Ok(done) => Outcome::Predicted {
                predicted_class: done.value.predicted_class(),
                confidence: done.value.confidence(),
                likeness: Likeness::of(&done.value),
                top_k: top_k.map(|count| ranked(&done.value, count)),
            },
            Err(error) => Outcome::Refused {
                error: error.refusal(),
            },
        },
    });
    Ok(HttpResponse::Ok().json(Answers {
        predictions: answers.collect(),
    }))
}
