//! `POST /predict`

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig};
use pet_predict::Prediction;
use serde::Serialize;

use super::{Parameters, post};
use crate::error::ApiError;
use crate::milliseconds::milliseconds;
use crate::served::Served;
use crate::state::State;
use crate::upload::Upload;

pub(super) fn configure(services: &mut ServiceConfig) {
    services.service(post("/predict", predict));
}

/// What is said of one photograph: the fields of the original, and more when asked for.
#[derive(Serialize)]
struct Answer<'a> {
    predicted_class: &'a str,
    confidence: f32,
    all_classes: &'a [String],
    #[serde(flatten)]
    details: Option<Details<'a>>,
}

#[derive(Serialize)]
struct Details<'a> {
    top_k: Vec<Ranked<'a>>,
    model_version: Option<&'a str>,
    timing: Timing,
}

/// One of the likeliest classes.
#[derive(Serialize)]
pub(super) struct Ranked<'a> {
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
    let work = move |worker: &mut crate::worker::Worker| {
        let prediction = worker.predict(&body)?;
        Ok((prediction, worker.served()?))
    };
    let done = state.queue.run(deadline.0, work).await?;
    let (prediction, served): &(Prediction, Arc<Served>) = &done.value;
    Ok(HttpResponse::Ok().json(Answer {
        predicted_class: prediction.predicted_class(),
        confidence: prediction.confidence(),
        all_classes: prediction.classes(),
        details: top_k.map(|count| Details {
            top_k: ranked(prediction, count),
            model_version: served.metadata().model_version.as_deref(),
            timing: Timing::of(prediction, done.waited),
        }),
    }))
}

/// How many of the likeliest classes are asked for.
pub(super) fn top_k(parameters: &Parameters) -> Result<Option<usize>, ApiError> {
    let top_k = parameters.get::<NonZero<u16>>("top_k", "a whole number from 1")?;
    Ok(top_k.map(|count| usize::from(count.get())))
}

/// The likeliest classes.
pub(super) fn ranked(prediction: &Prediction, count: usize) -> Vec<Ranked<'_>> {
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
