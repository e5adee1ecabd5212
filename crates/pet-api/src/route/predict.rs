//! `POST /predict`, `/predict/batch` and `/explain`.

use std::num::NonZero;
use std::time::Duration;

use actix_web::web::{Data, Json};
use actix_web::{CustomizeResponder, Either, HttpResponse, Responder as _};
use pet_predict::{Explanation, Prediction};
use pet_report::heat_map_png;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use tracing::info_span;

use crate::access::prediction_timing;
use crate::endpoint::{Topic, post};
use crate::error::ApiError;
use crate::form::Photograph;
use crate::loaded_model::LoadedModel;
use crate::metrics::milliseconds;
use crate::queue::{Done, Worker};
use crate::route::request::{ModelQuery, Query};
use crate::state::State;
use crate::upload::{Upload, Uploads};

pub(crate) fn topic() -> Topic {
    let one = post("/predict", predict)
        .about("Predict the breed", "The most probable class of one photo.");
    let several = post("/predict/batch", predict_batch).about(
        "Predict the breeds in several photos",
        "Predictions are in the order of the files. A file that cannot be used gets an error in its place; the others are still predicted.",
    );
    let explanation = post("/explain", explain).content_types(["image/png"]).about(
        "Explain a prediction",
        "How much each region of the photo supports a class, as a class activation map. Its cells and the bias add up to the class's logit.",
    );
    Topic {
        name: "predict",
        description: "Which breed is it?",
        endpoints: vec![one, several, explanation],
    }
}

/// Options for one photograph.
#[derive(Deserialize, JsonSchema)]
struct PredictQuery {
    /// Also return this many of the most probable classes, the timing and the model's version.
    top_k: Option<NonZero<u16>>,
    /// Accepted for compatibility with older clients. The prediction for a photo is always the same.
    #[serde(rename = "seed")]
    _seed: Option<i64>,
}

/// Options for several photographs.
#[derive(Deserialize, JsonSchema)]
struct BatchQuery {
    /// Also return this many of the most probable classes.
    top_k: Option<NonZero<u16>>,
}

/// The prediction for one photo.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Prediction")]
struct Answer {
    #[serde(flatten)]
    best: Best,
    /// All classes of the model.
    all_classes: Vec<String>,
    #[serde(flatten)]
    origin: Option<Origin>,
    #[serde(flatten)]
    details: Option<Details>,
}

/// The version of the model that answered, given if it was requested or there is a canary.
#[derive(Serialize, JsonSchema)]
struct Origin {
    /// The model's version; null if it has none.
    #[schemars(schema_with = "text_or_null")]
    model_version: Option<String>,
}

impl Origin {
    fn of(model: &LoadedModel) -> Self {
        Self { model_version: model.metadata().model_version.clone() }
    }
}

/// Explicit, because optional fields are otherwise never null.
fn text_or_null(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"anyOf": [{"type": "string"}, {"type": "null"}]})
}

/// The most probable class.
#[derive(Serialize, JsonSchema)]
struct Best {
    /// The most probable class.
    predicted_class: String,
    /// Its probability.
    #[schemars(range(min = 0, max = 1))]
    confidence: f32,
    /// Whether the photo shows any of the classes; absent if the model cannot tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<bool>,
    /// Similarity of the photo to the nearest class: the cosine between features.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1, max = 1))]
    similarity: Option<f32>,
}

impl Best {
    fn of(prediction: &Prediction) -> Self {
        Self {
            predicted_class: prediction.predicted_class().to_owned(),
            confidence: prediction.confidence(),
            known: prediction.is_known(),
            similarity: prediction.similarity(),
        }
    }
}

#[derive(Serialize, JsonSchema)]
struct Details {
    /// The most probable classes, most probable first.
    top_k: Vec<Ranked>,
    timing: Timing,
}

/// One of the most probable classes.
#[derive(Serialize, JsonSchema)]
struct Ranked {
    class: String,
    #[schemars(range(min = 0, max = 1))]
    probability: f32,
}

/// How long each phase took, in milliseconds.
#[derive(Serialize, JsonSchema)]
struct Timing {
    #[schemars(range(min = 0))]
    queue: f64,
    #[schemars(range(min = 0))]
    decode: f64,
    #[schemars(range(min = 0))]
    preprocess: f64,
    #[schemars(range(min = 0))]
    inference: f64,
}

async fn predict(
    state: Data<State>,
    ModelQuery(split): ModelQuery,
    Query(query): Query<PredictQuery>,
    upload: Upload,
) -> Result<CustomizeResponder<Json<Answer>>, ApiError> {
    let Upload { body, deadline, .. } = upload;
    let model = split.for_photograph(&body);
    let cost = state.cost(&model, &body);
    let predicting = model.clone();
    let work = move |worker: &Worker| worker.answer(&predicting, &body);
    let done = state.queue.run(deadline, cost, work).await?;
    model.record_answer();
    let prediction = &done.value;
    let timing = prediction_timing(done.waited, prediction.timing());
    let answer = Answer {
        best: Best::of(prediction),
        all_classes: prediction.classes().to_vec(),
        origin: (query.top_k.is_some() || split.has_canary()).then(|| Origin::of(&model)),
        details: query.top_k.map(|count| Details {
            top_k: ranked(prediction, count),
            timing: Timing::of(prediction, done.waited),
        }),
    };
    Ok(Json(answer).customize().insert_header(timing))
}

/// The most probable classes, most probable first.
fn ranked(prediction: &Prediction, count: NonZero<u16>) -> Vec<Ranked> {
    let ranked = prediction.top_k(count.get().into()).into_iter();
    ranked.map(|one| Ranked { class: one.class.to_owned(), probability: one.probability }).collect()
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

/// The predictions, in the order of the files.
#[derive(Serialize, JsonSchema)]
struct Predictions {
    predictions: Vec<BatchEntry>,
}

/// The prediction for one of several photos.
#[derive(Serialize, JsonSchema)]
struct BatchEntry {
    /// The file's name as sent by the client.
    file: Option<String>,
    #[serde(flatten)]
    outcome: Outcome,
}

/// A prediction, or an error.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Outcome {
    Predicted {
        #[serde(flatten)]
        best: Best,
        #[serde(flatten)]
        origin: Option<Origin>,
        /// The most probable classes, most probable first.
        #[serde(skip_serializing_if = "Option::is_none")]
        top_k: Option<Vec<Ranked>>,
    },
    Refused {
        error: ApiError,
    },
}

async fn predict_batch(
    state: Data<State>,
    ModelQuery(split): ModelQuery,
    Query(query): Query<BatchQuery>,
    uploads: Uploads,
) -> Result<Json<Predictions>, ApiError> {
    let Uploads { photographs, deadline } = uploads;
    let (names, bodies): (Vec<_>, Vec<_>) =
        photographs.into_iter().map(|Photograph { name, body }| (name, body)).unzip();
    let with_version = query.top_k.is_some() || split.has_canary();
    let work = bodies.into_iter().map(|body| {
        let served = split.for_photograph(body.as_deref().unwrap_or_default());
        let cost = body.as_ref().map(|body| state.cost(&served, body)).unwrap_or_default();
        let work = move |worker: &Worker| Ok((worker.answer(&served, &body?)?, served));
        (cost, work)
    });
    let outcomes = state.queue.run_all(deadline, work.collect()).await?;
    split.primary.record_answer();
    let answers = names.into_iter().zip(outcomes).map(|(file, outcome)| BatchEntry {
        file,
        outcome: match outcome {
            Ok(Done { value: (prediction, served), .. }) => Outcome::Predicted {
                best: Best::of(&prediction),
                origin: with_version.then(|| Origin::of(&served)),
                top_k: query.top_k.map(|count| ranked(&prediction, count)),
            },
            Err(error) => Outcome::Refused { error },
        },
    });
    Ok(Json(Predictions { predictions: answers.collect() }))
}

#[derive(Deserialize, JsonSchema)]
struct ExplainQuery {
    /// The class to explain; by default, the most probable one.
    class: Option<String>,
    /// `json` for the numbers, `png` for an image of them over the photo.
    format: Option<Format>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    Json,
    Png,
}

/// How much each region of the photograph supports a class.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Explanation")]
struct ExplanationAnswer {
    class: String,
    #[schemars(range(min = 0, max = 1))]
    probability: f32,
    logit: f32,
    /// The constant part of the class's score, independent of the photo.
    bias: f32,
    /// Left, top, width and height of the region that the rows cover, in pixels.
    region: [f32; 4],
    /// The rows of the map from top to bottom; the cells and the bias add up to the logit.
    rows: Vec<Vec<f32>>,
}

async fn explain(
    state: Data<State>,
    ModelQuery(split): ModelQuery,
    Query(ExplainQuery { class, format }): Query<ExplainQuery>,
    upload: Upload,
) -> Result<CustomizeResponder<Either<Json<ExplanationAnswer>, HttpResponse>>, ApiError> {
    let Upload { body, deadline, .. } = upload;
    let cost = pet_image::cost(&body, &state.configuration.limits);
    let model = split.for_photograph(&body);
    let explained = model.clone();
    let work = move |worker: &Worker| {
        let explanation = worker.explain(&explained, &body, class.as_deref())?;
        let picture = (format == Some(Format::Png)).then(|| draw(&explanation));
        Ok((explanation, picture.transpose()?))
    };
    let done = state.queue.run(deadline, cost, work).await?;
    let (explanation, picture) = done.value;
    model.record_answer();
    let timing = prediction_timing(done.waited, explanation.prediction.timing());
    let answer = match picture {
        Some(picture) => Either::Right(HttpResponse::Ok().content_type("image/png").body(picture)),
        None => Either::Left(Json(ExplanationAnswer::of(explanation))),
    };
    Ok(answer.customize().insert_header(timing))
}

impl ExplanationAnswer {
    fn of(explanation: Explanation) -> Self {
        let (map, region) = (explanation.map, explanation.region);
        let rows = map.values.chunks(map.width.max(1)).map(<[f32]>::to_vec);
        Self {
            rows: rows.collect(),
            class: map.class,
            probability: map.probability,
            logit: map.logit,
            bias: map.bias,
            region: [region.left, region.top, region.width, region.height],
        }
    }
}

/// Draws the map over the photograph.
fn draw(explanation: &Explanation) -> Result<Vec<u8>, ApiError> {
    let _span = info_span!("draw").entered();
    heat_map_png(&explanation.image, &explanation.heat_map()).map_err(ApiError::internal)
}
