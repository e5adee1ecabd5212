//! `POST /feedback` stores an image with its right class, `GET /feedback` counts the stored images.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderName, HeaderValue, ORIGIN};
use actix_web::web::{Data, Json};
use actix_web::{CustomizeResponder, FromRequest, HttpRequest, Responder as _};
use pet_image::{Cost, cost, decode, encode_rgb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info_span;

use crate::access::prediction_timing;
use crate::configuration::FeedbackFolder;
use crate::deployment::TrafficSplit;
use crate::endpoint::{Describe, Operation, Topic, get, post};
use crate::error::{ApiError, Code};
use crate::feedback::{Correction, Feedback, FeedbackCounts};
use crate::queue::Worker;
use crate::route::request::{Administrator, Query};
use crate::state::State;
use crate::upload::Upload;

/// Bytes that encoding takes for each pixel: the pixel and the file.
const ENCODING_BYTES: u64 = 6;

/// Work of encoding for each pixel, relative to decoding.
const ENCODING_WORK: u64 = 2;

/// Whose page sends a request, as browsers report it over HTTPS and to this machine (Fetch Metadata). Otherwise they only
/// send the page's origin.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

pub(crate) fn topic() -> Topic {
    let keep = post("/feedback", keep).errors(&[Code::Full]).about(
        "Correct or confirm a prediction",
        "Saves the photo, without its metadata, with the correct class. Only available if the service was started with a folder for corrections. Requests from other sites' pages are rejected, according to the browser's `Sec-Fetch-Site` or, without it, `Origin`.",
    );
    let counts =
        get("/feedback", counts).about("Count the corrections", "By class, with the limits.");
    Topic {
        name: "feedback",
        description: "Corrections to train on, if the service saves them.",
        endpoints: vec![keep, counts],
    }
}

/// The store of corrections. Without one, the route is not found, before the upload is read.
struct FeedbackStore(Arc<Feedback>);

impl Describe for FeedbackStore {
    fn describe(operation: &mut Operation) {
        operation.add_errors(&[Code::NotFound]);
    }
}

impl FromRequest for FeedbackStore {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let store = State::of(request).and_then(|state| {
            let detail = "the service does not save corrections";
            let hint = "it does if it is started with a folder for them";
            let missing = || ApiError::new(Code::NotFound, detail).with_hint(hint);
            state.feedback.clone().map(Self).ok_or_else(missing)
        });
        ready(store)
    }
}

/// Requires a request from the service's own page or from a program. Otherwise a form on any page could add images to the
/// folder on behalf of its visitors, since browsers send simple requests without a CORS preflight.
struct SameOrigin;

impl Describe for SameOrigin {
    fn describe(operation: &mut Operation) {
        operation.add_errors(&[Code::CrossSite]);
    }
}

impl FromRequest for SameOrigin {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let header = |name| request.headers().get(name).map(HeaderValue::as_bytes);
        let is_own = match (header(&SEC_FETCH_SITE), header(&ORIGIN)) {
            (Some(site), _) => matches!(site, b"same-origin" | b"none"),
            (None, Some(origin)) => is_origin_of(origin, request.connection_info().host()),
            (None, None) => true,
        };
        if is_own {
            return ready(Ok(Self));
        }
        let detail = "corrections are not accepted from other sites' pages";
        let hint = "send it from the service's own page, or from a program";
        ready(Err(ApiError::new(Code::CrossSite, detail).with_hint(hint)))
    }
}

fn is_origin_of(origin: &[u8], host: &str) -> bool {
    let schemes: [&[u8]; 2] = [b"http://", b"https://"];
    let mut hosts = schemes.iter().filter_map(|scheme| origin.strip_prefix(*scheme));
    hosts.any(|of_origin| of_origin.eq_ignore_ascii_case(host.as_bytes()))
}

/// Saved corrections and their limits.
#[derive(Serialize, JsonSchema)]
struct Corrections {
    #[serde(flatten)]
    counts: FeedbackCounts,
    /// Maximum number of images.
    max_count: u64,
    /// Maximum size of all files together, in bytes.
    max_bytes: u64,
}

async fn counts(
    FeedbackStore(feedback): FeedbackStore,
    _: Administrator,
) -> Result<Json<Corrections>, ApiError> {
    let FeedbackFolder { bytes: max_bytes, count: max_count, .. } = feedback.settings;
    Ok(Json(Corrections { counts: feedback.counts(), max_count, max_bytes }))
}

#[derive(Deserialize, JsonSchema)]
struct FeedbackQuery {
    /// The correct class, one of the model's; the predicted class confirms the prediction.
    class: String,
    /// Name of the model that predicted; only the served one can be corrected.
    model: Option<String>,
}

/// A saved correction.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Correction")]
struct Answer {
    /// The correct class.
    class: String,
    /// The model's prediction.
    predicted_class: String,
    /// Whether the prediction was right.
    correct: bool,
    /// The model's version.
    model_version: Option<String>,
}

/// The served model. Another is rejected, since its classes would be mixed with those of the served one.
fn model_to_correct(state: &State, name: Option<&str>) -> Result<TrafficSplit, ApiError> {
    let split = state.models.split();
    match name {
        Some(name) if name != split.primary.name => {
            let served = &split.primary.name;
            let detail = format!("`model` is `{name}`, expected the served model, `{served}`");
            Err(ApiError::bad_parameter(detail))
        }
        _ => Ok(split),
    }
}

/// The image is predicted again, so that the stored prediction is the model's and not the client's.
async fn keep(
    FeedbackStore(feedback): FeedbackStore,
    _: SameOrigin,
    state: Data<State>,
    Query(FeedbackQuery { class, model }): Query<FeedbackQuery>,
    upload: Upload,
) -> Result<CustomizeResponder<Json<Answer>>, ApiError> {
    let Upload { body, deadline, .. } = upload;
    let limits = state.configuration.limits;
    let served = model_to_correct(&state, model.as_deref())?.for_photograph(&body);
    let (decoding, predicting) = (cost(&body, &limits), state.cost(&served, &body));
    let cost = Cost {
        memory: predicting.memory.max(decoding.memory + decoding.pixels * ENCODING_BYTES),
        work: predicting.work + decoding.work + decoding.pixels * ENCODING_WORK,
        ..decoding
    };
    let right = class.clone();
    let model = served.clone();
    let work = move |worker: &Worker| {
        let metadata = model.metadata();
        if !metadata.classes.contains(&right) {
            let detail = format!("`class` is `{right}`, expected one of the model's classes");
            let hint = "`/classes` lists them";
            return Err(ApiError::bad_parameter(detail).with_hint(hint));
        }
        let prediction = worker.predict(&model, &body)?;
        // The prediction has decoded it no larger than it needs.
        let decoded = info_span!("decode").in_scope(|| decode(&body, &limits))?;
        let format = decoded.format.written();
        let picture = info_span!("encode").in_scope(|| encode_rgb(&decoded.image, format))?;
        let correction = Correction {
            class: &right,
            predicted_class: prediction.predicted_class(),
            confidence: prediction.confidence(),
            model_name: &metadata.model_name,
            model_version: metadata.model_version.as_deref(),
        };
        let store = || feedback.store(&picture, format.extension(), &correction);
        info_span!("store").in_scope(store)?;
        Ok(prediction)
    };
    let done = state.queue.run(deadline, cost, work).await?;
    served.record_answer();
    let timing = prediction_timing(done.waited, done.value.timing());
    let predicted_class = done.value.predicted_class().to_owned();
    let correct = predicted_class == class;
    state.metrics.count_correction(correct);
    let answer = Json(Answer {
        class,
        predicted_class,
        correct,
        model_version: served.metadata().model_version.clone(),
    });
    Ok(answer.customize().insert_header(timing))
}
