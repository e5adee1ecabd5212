//! candle and ONNX Runtime compute the same, and an export changes nothing on the way.

mod compare;
mod export;
mod rebuild;
mod registered;
mod results;
mod select;
