//! `POST /explain`

use actix_web::web::{Data, Json};
use actix_web::{CustomizeResponder, Either, HttpResponse, Responder as _};
use pet_predict::Explanation;
use pet_report::{HeatMap, heat_map_png};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info_span;

use crate::endpoint::{Endpoint, post};
use crate::error::ApiError;
use crate::route::model_query::ModelQuery;
use crate::route::query::Query;
use crate::route::timing::prediction_timing;
use crate::state::State;
use crate::trace::record_model;
use crate::upload::Upload;
use crate::worker::Worker;

pub(crate) fn endpoint() -> Endpoint {
    post("/explain", explain).content_types(["image/png"]).about(
        "Explain a prediction",
        "How much each region of the photo supports a class, as a class activation map. Its cells and the bias add up to the class's logit.",
    )
}

/// How much each region of the photograph supports a class.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Explanation")]
struct Answer {
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

async fn explain(
    state: Data<State>,
    ModelQuery(split): ModelQuery,
    Query(ExplainQuery { class, format }): Query<ExplainQuery>,
    upload: Upload,
) -> Result<CustomizeResponder<Either<Json<Answer>, HttpResponse>>, ApiError> {
    let Upload { body, deadline, .. } = upload;
    let cost = pet_image::cost(&body, &state.configuration.limits);
    let model = split.for_photograph(&body);
    let explained = model.clone();
    let work = move |worker: &Worker| {
        let explanation = worker.explain(&explained, &body, class.as_deref())?;
        let picture = (format == Some(Format::Png)).then(|| draw(&explanation));
        Ok((explanation, picture.transpose()?))
    };
    let done = state.queue.run(deadline.0, cost, work).await?;
    let (explanation, picture) = done.value;
    record_model(&model);
    let timing = prediction_timing(done.waited, explanation.prediction.timing());
    let answer = match picture {
        Some(picture) => Either::Right(HttpResponse::Ok().content_type("image/png").body(picture)),
        None => Either::Left(Json(Answer::of(explanation))),
    };
    Ok(answer.customize().insert_header(timing))
}

impl Answer {
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
    let map = &explanation.map;
    let heat = HeatMap {
        class: &map.class,
        probability: map.probability,
        answer: explanation.prediction.predicted_class(),
        confidence: explanation.prediction.confidence(),
        width: map.width,
        height: map.height,
        values: &map.values,
        region: explanation.region,
    };
    heat_map_png(&explanation.image, &heat).map_err(|error| ApiError::internal(&error))
}
