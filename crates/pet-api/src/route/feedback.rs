//! `POST /feedback` keeps a picture with the class that is right, `GET /feedback` counts them.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::HeaderValue;
use actix_web::web::{Data, Json};
use actix_web::{FromRequest, HttpRequest};
use pet_image::{Cost, cost, decode, encode_rgb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choice::Choice;
use crate::endpoint::{Described, Operation, Topic, get, post};
use crate::error::{ApiError, Code};
use crate::feedback::{Correction, Feedback, Kept};
use crate::route::administrator::Administrator;
use crate::route::query::Query;
use crate::state::State;
use crate::trace::answered_by;
use crate::upload::{Upload, state};
use crate::worker::Worker;

/// Bytes that encoding takes for each pixel: the levels and the file.
const ENCODING: u64 = 6;

/// Times that the pixels are gone over to encode them, compared with decoding.
const WORK: u64 = 2;

/// Where a request comes from, as browsers say it (Fetch Metadata).
const SITE: &str = "sec-fetch-site";

pub(crate) fn topic() -> Topic {
    let keep = post("/feedback", keep).refusing(&[Code::Full]).about(
        "Correct or confirm an answer",
        "Keeps the photograph, without its metadata, with the right class. Only where the service was started with a \
         folder for corrections, and not for the page of another site, which a browser tells by `Sec-Fetch-Site`.",
    );
    let counts =
        get("/feedback", counts).about("Count the corrections", "By class, with the limits.");
    Topic {
        name: "feedback",
        description: "Corrections to train on, where they are kept.",
        endpoints: vec![keep, counts],
    }
}

/// Where corrections go. Without it the path is as good as not there, which is said before an upload is read.
struct Keeping(Arc<Feedback>);

impl Described for Keeping {
    fn describe(operation: &mut Operation) {
        operation.refuses(&[Code::NotFound]);
    }
}

impl FromRequest for Keeping {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let keeping = state(request).and_then(|state| {
            let detail = "the service keeps no corrections";
            let hint = "it does when it is started with a folder for them";
            let missing = || ApiError::new(Code::NotFound, detail).with_hint(hint.to_owned());
            state.feedback.clone().map(Self).ok_or_else(missing)
        });
        ready(keeping)
    }
}

/// What only the service's own page and programs may send. A form on any page could otherwise put pictures into the folder
/// in the name of whoever looks at it, since simple requests are sent before a browser asks whether they may be.
struct OwnPage;

impl Described for OwnPage {
    fn describe(operation: &mut Operation) {
        operation.refuses(&[Code::CrossSite]);
    }
}

impl FromRequest for OwnPage {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let from = request.headers().get(SITE).map(HeaderValue::as_bytes);
        ready(match from {
            None | Some(b"same-origin" | b"none") => Ok(Self),
            Some(_) => {
                let detail = "corrections are not taken from the pages of other sites";
                let hint = "send it from the service's own page, or from a program".to_owned();
                Err(ApiError::new(Code::CrossSite, detail).with_hint(hint))
            }
        })
    }
}

/// What is kept, and how much may be.
#[derive(Serialize, JsonSchema)]
struct Corrections {
    #[serde(flatten)]
    kept: Kept,
    /// Pictures that may be kept.
    max_count: u64,
    /// Bytes that all files together may have.
    max_bytes: u64,
}

async fn counts(
    Keeping(feedback): Keeping,
    _: Administrator,
) -> Result<Json<Corrections>, ApiError> {
    let settings = feedback.settings();
    Ok(Json(Corrections {
        kept: feedback.kept(),
        max_count: settings.count,
        max_bytes: settings.bytes,
    }))
}

#[derive(Deserialize, JsonSchema)]
struct Asked {
    /// The right class, one of the model's; the predicted one confirms the answer.
    class: String,
    /// Name of the model that answered; only the served one is corrected.
    model: Option<String>,
}

/// What was kept.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Correction")]
struct Answer {
    /// The right class.
    class: String,
    /// What the model answers.
    predicted_class: String,
    /// Whether both are the same.
    correct: bool,
    /// The model's version.
    model_version: Option<String>,
}

/// The served model, unless another is named: pictures of its classes would get in among those of the served one's.
fn corrected(state: &State, name: Option<&str>) -> Result<Choice, ApiError> {
    let choice = state.choice();
    match name {
        Some(name) if name != choice.served.name() => {
            let served = choice.served.name();
            let detail = format!("`model` is `{name}`, expected the served model, `{served}`");
            Err(ApiError::parameter(detail))
        }
        _ => Ok(choice),
    }
}

/// The picture is answered once more, so that what is kept as the answer is the model's and not the client's.
async fn keep(
    Keeping(feedback): Keeping,
    _: OwnPage,
    state: Data<State>,
    Query(Asked { class, model }): Query<Asked>,
    upload: Upload,
) -> Result<Json<Answer>, ApiError> {
    let Upload { body, deadline, .. } = upload;
    let limits = state.configuration.limits;
    let served = corrected(&state, model.as_deref())?.for_photograph(&body);
    let (decoding, predicting) = (cost(&body, &limits), state.cost(&served, &body));
    let cost = Cost {
        memory: predicting
            .memory
            .max(decoding.memory + decoding.pixels * ENCODING),
        work: predicting.work + decoding.work + decoding.pixels * WORK,
        ..decoding
    };
    let right = class.clone();
    let model = served.clone();
    let work = move |worker: &Worker| {
        let metadata = model.metadata();
        if !metadata.classes.contains(&right) {
            let detail = format!("`class` is `{right}`, expected one of the model's classes");
            let hint = "`/classes` lists them".to_owned();
            return Err(ApiError::parameter(detail).with_hint(hint));
        }
        let prediction = worker.predict(&model, &body)?;
        let decoded = decode(&body, &limits).map_err(|error| ApiError::image(&error))?;
        let format = decoded.format.written();
        let picture = encode_rgb(&decoded.image, format);
        let picture = picture.map_err(|error| ApiError::image(&error))?;
        let correction = Correction {
            class: &right,
            predicted_class: prediction.predicted_class(),
            confidence: prediction.confidence(),
            model_name: &metadata.model_name,
            model_version: metadata.model_version.as_deref(),
        };
        feedback.keep(&picture, format.extension(), &correction)?;
        Ok(prediction)
    };
    let done = state.queue.run(deadline.0, cost, work).await?;
    answered_by(&served);
    let predicted_class = done.value.predicted_class().to_owned();
    let correct = predicted_class == class;
    state.metrics.corrected(correct);
    Ok(Json(Answer {
        class,
        predicted_class,
        correct,
        model_version: served.metadata().model_version.clone(),
    }))
}
