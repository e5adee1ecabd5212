//! Build, check, write and read ONNX models.
//!
//! A [`Graph`] is built value by value. Every operator infers the type and shape of its result at
//! once, so a wrong wiring is an error that names the node, what it expected and what it got, and a
//! graph that exists is a valid one.
//!
//! ```
//! use onnx_graph::{ConvOptions, DataType, Dim, Graph, Model};
//!
//! # fn main() -> Result<(), onnx_graph::Error> {
//! let mut graph = Graph::new("edges");
//! let shape = [Dim::symbol("batch"), 1.into(), 28.into(), 28.into()];
//! let image = graph.input("image", DataType::F32, &shape)?;
//! let weight = graph.initializer("weight", &[4, 1, 3, 3], &[0.1_f32; 36])?;
//! let edges = graph.conv("conv", &image, &weight, None, ConvOptions::square(3))?;
//! let edges = graph.clip("relu6", &edges, 0.0, 6.0)?;
//! assert_eq!(edges.to_string(), "relu6: f32[batch, 4, 26, 26]");
//! graph.output("edges", &edges)?;
//!
//! let model = Model::new(graph, 18)
//!     .with_producer("example", "1.0")
//!     .with_metadata("license", "MIT");
//! let bytes = model.to_bytes()?;
//! assert_eq!(Model::from_bytes(&bytes)?, model);
//! # Ok(())
//! # }
//! ```
//!
//! # What is written
//!
//! IR version 8, weights as little-endian `raw_data`, symbolic dimensions as `dim_param`. The same
//! graph always gives the same bytes: metadata and attributes are sorted by name, everything else
//! keeps the order of building.
//!
//! # What is read
//!
//! Models of opset 13 to 28 in the default operator domain with their weights inside the file.
//! Operators that this crate cannot infer keep the types that the file declares. Whatever would be
//! lost on writing the model again (subgraphs, functions, sparse and external tensors) is refused
//! by name; only documentation strings and annotations are dropped. Bytes are taken as hostile:
//! sizes are compared before anything is computed from them.

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
pub use tensor::Tensor;
pub use value::{Dim, TensorType, Value};
