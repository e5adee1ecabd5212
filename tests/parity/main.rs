//! candle and ONNX Runtime compute the same, before and after export.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod candle;
mod contest;
mod data_set;
mod export;
