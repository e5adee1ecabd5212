//! The Open Inference Protocol (`KServe` v2): `/v2/…`.
//!
//! ```text
//! body ── split ──▶ Request ── checked against the model ──▶ Input ── workers ──▶ Answer ──▶ Body
//! ```
//!
//! The input `input` takes FP32 tensors as the model does, or BYTES: the files of photographs. There
//! are three outputs; what a request does not choose is the first for tensors, the others for
//! photographs.
//!
//! | output | datatype | shape | what |
//! |---|---|---|---|
//! | `output` | FP32 | `[n, classes]` | the model's logits |
//! | `probabilities` | FP32 | `[n, classes]` | their softmax, with the model's temperature |
//! | `class` | BYTES | `[n]` | the name of the most probable class |
//!
//! The parameter `classification` of one of the first two names its best classes instead, as Triton
//! does: `value:index:class`. Extensions: `binary_tensor_data` and `classification`.

mod answer;
mod at_most;
mod body;
mod elements;
mod infer;
mod input;
mod json_data;
mod malformed;
mod model;
mod output;
mod refusal;
mod request;
mod response;
mod server;

use actix_web::HttpRequest;
use actix_web::web::{self, ServiceConfig};

pub(crate) use refusal::Refusal;

use crate::error::{ApiError, Code};
use crate::route::{get, post};

/// A model may be asked for with its version or without.
const MODEL: [&str; 2] = ["/v2/models/{name}", "/v2/models/{name}/versions/{version}"];

pub(crate) fn configure(services: &mut ServiceConfig) {
    services
        .service(get("/v2", server::metadata))
        .service(get("/v2/health/live", server::live))
        .service(get("/v2/health/ready", server::ready));
    for path in MODEL {
        services
            .service(get(path, model::metadata))
            .service(get(&format!("{path}/ready"), model::ready))
            .service(post(&format!("{path}/infer"), infer::infer));
    }
    services.service(web::resource("/v2/{path:.*}").to(missing));
}

/// Any other path of the protocol.
async fn missing(request: HttpRequest) -> Result<&'static str, Refusal> {
    let detail = format!("the protocol has nothing at `{}`", request.path());
    Err(ApiError::new(Code::NotFound, detail).into())
}
