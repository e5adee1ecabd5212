#![doc = include_str!("../README.md")]

mod attribute;
mod data_type;
mod decode;
mod encode;
mod error;
mod graph;
mod infer;
mod limits;
mod model;
mod node;
mod ops;
mod proto;
mod quantize;
mod tensor;
mod value;

pub use attribute::Attribute;
pub use data_type::{DataType, Element};
pub use error::Error;
pub use graph::Graph;
pub use limits::Limits;
pub use model::Model;
pub use node::Node;
pub use ops::{ConvOptions, GemmOptions};
pub use quantize::{Channel, Quantizer, Range};
pub use tensor::Tensor;
pub use value::{Dim, TensorType, Value};
