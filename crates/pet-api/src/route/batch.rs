//! `POST /predict/batch`

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig};
use pet_predict::Prediction;
use serde::Serialize;

use super::predict::{Ranked, ranked, top_k};
use super::{Parameters, post};
use crate::error::{ApiError, Refusal};
use crate::state::State;
use crate::upload::{Photograph, Uploads};
use crate::worker::Worker;

pub(super) fn configure(services: &mut ServiceConfig) {
    services.service(post("/predict/batch", predict_batch));
}

/// The answers, in the order of the files.
#[derive(Serialize)]
struct Answers<'a> {
    predictions: Vec<Answer<'a>>,
}

#[derive(Serialize)]
struct Answer<'a> {
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
    let work = bodies.into_iter().map(|body| {
        move |worker: &mut Worker| -> Result<Prediction, ApiError> { worker.predict(&body?) }
    });
    let outcomes = state
        .queue
        .run_all(uploads.deadline.0, work.collect())
        .await?;
    let answers = names.iter().zip(&outcomes).map(|(name, outcome)| Answer {
        file: name.as_deref(),
        outcome: match outcome {
            Ok(done) => Outcome::Predicted {
                predicted_class: done.value.predicted_class(),
                confidence: done.value.confidence(),
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
