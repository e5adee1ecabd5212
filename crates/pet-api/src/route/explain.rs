//! `POST /explain`

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig};
use pet_predict::Explanation;
use pet_report::{HeatMap, heat_map_png};
use serde::Serialize;

use crate::error::ApiError;
use crate::route::request::Parameters;
use crate::route::request::post;
use crate::route::timing::of_prediction;
use crate::state::State;
use crate::trace::answered_by;
use crate::upload::Upload;
use crate::worker::Worker;

pub(crate) fn configure(services: &mut ServiceConfig) {
    services.service(post("/explain", explain));
}

/// How much each region of the photograph supports a class.
#[derive(Serialize)]
struct Answer<'a> {
    class: &'a str,
    probability: f32,
    logit: f32,
    bias: f32,
    /// Left, top, width and height in pixels of the photograph.
    region: [f32; 4],
    /// The map from the top; its cells and the bias add up to the logit.
    rows: Vec<&'a [f32]>,
}

/// What the client wants to have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Png,
}

impl std::str::FromStr for Form {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "json" => Ok(Self::Json),
            "png" => Ok(Self::Png),
            _ => Err(()),
        }
    }
}

async fn explain(
    state: Data<State>,
    parameters: Parameters,
    upload: Upload,
) -> Result<HttpResponse, ApiError> {
    let class = parameters.get::<String>("class", "the name of a class")?;
    let form = parameters.get("format", "`json` or `png`")?;
    let Upload { body, deadline, .. } = upload;
    let cost = pet_image::cost(&body, &state.configuration.limits);
    let served = state.served();
    let model = served.clone();
    let work = move |worker: &Worker| {
        let explanation = worker.explain(&model, &body, class.as_deref())?;
        let picture = (form == Some(Form::Png)).then(|| draw(&explanation));
        Ok((explanation, picture.transpose()?))
    };
    let done = state.queue.run(deadline.0, cost, work).await?;
    let (explanation, picture) = done.value;
    answered_by(served.metadata());
    let mut response = HttpResponse::Ok();
    let timing = explanation.prediction.timing();
    response.insert_header(of_prediction(done.waited, timing));
    if let Some(picture) = picture {
        return Ok(response.content_type("image/png").body(picture));
    }
    let (map, region) = (&explanation.map, explanation.region);
    Ok(response.json(Answer {
        class: &map.class,
        probability: map.probability,
        logit: map.logit,
        bias: map.bias,
        region: [region.left, region.top, region.width, region.height],
        rows: map.values.chunks(map.width.max(1)).collect(),
    }))
}

/// The map over the photograph.
fn draw(explanation: &Explanation) -> Result<Vec<u8>, ApiError> {
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
