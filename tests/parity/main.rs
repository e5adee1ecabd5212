//! candle and ONNX Runtime compute the same, before and after export.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod compare;
mod export;
mod int8;
mod networks;
mod outliers;
mod rebuild;
mod registered;
mod results;
mod select;
