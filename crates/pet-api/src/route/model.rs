//! The model: `GET /model`, `/classes` and `/model/files/{name}`, `POST /model/reload`.

use std::time::UNIX_EPOCH;

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, web};
use pet_model::{
    CARD_FILE, CONFUSION_FILE, CURVES_FILE, INPUT_NAME, METRICS_FILE, OUTPUT_NAME, Precision,
    Preprocess, SELECTION_FILE,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asset::{entity_tag, tagged};
use crate::endpoint::{Topic, get, post};
use crate::error::{ApiError, Code};
use crate::loaded_model::LoadedModel;
use crate::models::Models;
use crate::route::request::{Administrator, ModelQuery};
use crate::state::State;

/// The files that can be read, with their media types.
const FILES: [(&str, &str); 6] = [
    (METRICS_FILE, "application/json"),
    (SELECTION_FILE, "application/json"),
    (CURVES_FILE, "image/png"),
    (CONFUSION_FILE, "image/png"),
    ("mistakes.png", "image/png"),
    (CARD_FILE, "text/markdown; charset=utf-8"),
];

pub(crate) fn topic() -> Topic {
    let classes =
        get("/classes", classes).about("List the classes", "In the order of the model's output.");
    let model = get("/model", model).about("Describe the model", "Its origin, inputs and outputs.");
    let file = get("/model/files/{name}", file)
        .file(&["image/png", "application/json", "text/markdown"])
        .errors(&[Code::NotFound, Code::Internal])
        .about("Read a file about the model", "Metrics and plots, if available.");
    let reload = post("/model/reload", reload)
        .errors(&[Code::Internal, Code::NotReady])
        .about(
            "Reload the models",
            "Reloads all loaded models. No request is dropped; if a model cannot be loaded, the old one stays.",
        );
    Topic {
        name: "model",
        description: "The served model, or another one by name.",
        endpoints: vec![classes, model, file, reload],
    }
}

/// A model.
#[derive(Serialize, JsonSchema)]
struct Model {
    name: String,
    version: Option<String>,
    /// The MLflow run that trained it.
    run_id: Option<String>,
    /// Accuracy on the validation split, measured in training (`fp32`).
    #[schemars(range(min = 0, max = 1))]
    val_acc: Option<f64>,
    /// Number of classes.
    #[schemars(range(min = 1))]
    classes: usize,
    input: Tensor,
    output: Tensor,
    preprocess: Preprocess,
    /// Numeric precision: `fp32`, or `int8` for 8-bit integers.
    #[schemars(extend("enum" = Precision::ALL.map(Precision::name)))]
    precision: &'static str,
    /// When it was loaded, in seconds since 1970-01-01 UTC.
    loaded_at: u64,
    /// Whether corrections are saved.
    feedback: bool,
    /// The files available at `/model/files/{name}`.
    files: Vec<&'static str>,
}

/// An input or output tensor of the model.
#[derive(Serialize, JsonSchema)]
struct Tensor {
    name: &'static str,
    /// -1 means any number of images.
    #[schemars(inner(range(min = -1)))]
    shape: Vec<i64>,
}

/// The classes in the order of the model's output.
#[derive(Serialize, JsonSchema)]
struct Classes {
    classes: Vec<String>,
}

impl Model {
    fn new(model: &LoadedModel, state: &State) -> Self {
        let metadata = model.metadata();
        let size = i64::from(metadata.preprocess.size());
        let loaded_at = model.loaded_at.duration_since(UNIX_EPOCH);
        let names = FILES.iter().map(|(name, _)| *name);
        Self {
            name: model.name.clone(),
            version: metadata.model_version.clone(),
            run_id: metadata.run_id.clone(),
            val_acc: metadata.val_acc,
            classes: metadata.classes.len(),
            input: Tensor { name: INPUT_NAME, shape: vec![-1, 3, size, size] },
            output: Tensor { name: OUTPUT_NAME, shape: vec![-1, metadata.classes.len() as i64] },
            preprocess: metadata.preprocess.clone(),
            precision: metadata.precision.name(),
            loaded_at: loaded_at.unwrap_or_default().as_secs(),
            feedback: state.feedback.is_some() && model.role.has_served_classes(),
            files: names.filter(|name| model.results.contains(name)).collect(),
        }
    }
}

async fn model(state: Data<State>, ModelQuery(split): ModelQuery) -> Result<Json<Model>, ApiError> {
    Ok(Json(Model::new(&split.primary, &state)))
}

async fn classes(ModelQuery(split): ModelQuery) -> Result<Json<Classes>, ApiError> {
    let classes = split.primary.metadata().classes.clone();
    Ok(Json(Classes { classes }))
}

/// The requested file.
#[derive(Deserialize, JsonSchema)]
struct Named {
    /// Name of the file.
    #[schemars(extend("enum" = FILES.map(|(name, _)| name)))]
    name: String,
}

async fn file(
    ModelQuery(split): ModelQuery,
    named: Path<Named>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let Named { name } = named.into_inner();
    let missing = || {
        let detail = format!("the model has no file `{name}`");
        ApiError::new(Code::NotFound, detail).with_hint("`/model` lists its files")
    };
    let known = FILES.iter().find(|(known, _)| *known == name.as_str());
    let (known, media_type) = *known.ok_or_else(missing)?;
    let results = split.primary.results.clone();
    let read = move || results.read(known).map(|content| (entity_tag(&content), content));
    let content = web::block(read).await.map_err(ApiError::internal)?;
    let (tag, content) = content.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => missing(),
        _ => ApiError::internal(error),
    })?;
    let (mut response, is_known) = tagged(&request, tag);
    if is_known {
        return Ok(response.finish());
    }
    Ok(response.content_type(media_type).body(content))
}

async fn reload(_: Administrator, state: Data<State>) -> Result<Json<Model>, ApiError> {
    let served = state.with_models(Models::reload).await?;
    Ok(Json(Model::new(&served, &state)))
}
