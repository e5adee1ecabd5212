#![doc = include_str!("../README.md")]

mod data_type;
mod decode;
mod encode;
mod error;
mod graph;
mod infer;
mod model;
mod node;
mod ops;
mod quantize;
mod value;

pub use data_type::{DataType, Element};
pub use decode::Limits;
pub use error::Error;
pub use graph::Graph;
pub use model::Model;
pub use node::{Attribute, Node};
pub use ops::{ConvOptions, GemmOptions};
pub use quantize::{Channel, Quantizer, Range};
pub use value::{Dim, Tensor, TensorType, Value};

/// The protobuf messages of ONNX, generated from `proto/onnx.proto` as `proto/README.md` says.
#[allow(
    clippy::all,
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    rustdoc::all,
    reason = "generated code: which lints it meets is up to the generator"
)]
mod proto {
    include!("proto/onnx.rs");
}
