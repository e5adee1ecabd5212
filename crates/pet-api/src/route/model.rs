//! `GET /model` and `/classes`: what the served model says of itself.

use std::time::UNIX_EPOCH;

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig};
use pet_model::{INPUT_NAME, OUTPUT_NAME, Preprocess};
use serde::Serialize;

use super::get;
use super::model_files;
use crate::served::Served;
use crate::state::State;

pub(super) fn configure(services: &mut ServiceConfig) {
    services
        .service(get("/model", model))
        .service(get("/classes", classes));
}

/// The served model.
#[derive(Serialize)]
pub(super) struct Description<'a> {
    name: &'a str,
    version: Option<&'a str>,
    run_id: Option<&'a str>,
    /// Accuracy on the validation split, 0 to 1.
    val_acc: Option<f64>,
    classes: usize,
    input: Tensor,
    output: Tensor,
    preprocess: &'a Preprocess,
    /// When it was loaded, in seconds since 1970.
    loaded_at: u64,
    /// What `/model/files/{name}` has.
    files: Vec<&'static str>,
}

#[derive(Serialize)]
struct Tensor {
    name: &'static str,
    /// -1 stands for the batch, which is open.
    shape: Vec<i64>,
}

#[derive(Serialize)]
struct Classes<'a> {
    classes: &'a [String],
}

impl<'a> Description<'a> {
    pub(super) fn new(served: &'a Served, state: &State) -> Self {
        let metadata = served.metadata();
        let size = i64::from(metadata.preprocess.size());
        let since = served.since().duration_since(UNIX_EPOCH);
        Self {
            name: &metadata.model_name,
            version: metadata.model_version.as_deref(),
            run_id: metadata.run_id.as_deref(),
            val_acc: metadata.val_acc,
            classes: metadata.classes.len(),
            input: Tensor {
                name: INPUT_NAME,
                shape: vec![-1, 3, size, size],
            },
            output: Tensor {
                name: OUTPUT_NAME,
                shape: vec![-1, metadata.classes.len() as i64],
            },
            preprocess: &metadata.preprocess,
            loaded_at: since.unwrap_or_default().as_secs(),
            files: model_files::present(&state.configuration.results),
        }
    }
}

async fn model(state: Data<State>) -> HttpResponse {
    let served = state.served();
    HttpResponse::Ok().json(Description::new(&served, &state))
}

async fn classes(state: Data<State>) -> HttpResponse {
    let served = state.served();
    HttpResponse::Ok().json(Classes {
        classes: &served.metadata().classes,
    })
}
