//! The Open Inference Protocol (`KServe` v2): what HTTP (`/v2/…`) and gRPC have in common, and the JSON of HTTP.
//!
//! ```text
//! body ── split ──▶ Request ── checked against the model ──▶ Input ── workers ──▶ Answer ──▶ Body
//! ```
//!
//! The input `input` takes FP32 tensors, or BYTES: the files of photographs. There are three outputs. By default, tensors
//! get the first, and photographs the other two.
//!
//! | output | datatype | shape | content |
//! |---|---|---|---|
//! | `output` | FP32 | `[n, classes]` | the model's logits |
//! | `probabilities` | FP32 | `[n, classes]` | their softmax, with the model's temperature |
//! | `class` | BYTES | `[n]` | the name of the most probable class |
//!
//! The parameter `classification` of one of the first two returns the best classes instead, as Triton does:
//! `value:index:class`. Extensions: `binary_tensor_data` and `classification`.

pub(crate) mod answer;
mod data;
pub(crate) mod error;
pub(crate) mod input;
pub(crate) mod metadata;
pub(crate) mod output;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod run;

pub(crate) use error::ProtocolError;
