#![doc = include_str!("../README.md")]

mod archive;
mod contents;
mod cursor;
mod data_type;
mod error;
mod layout;
mod legacy;
mod limits;
mod pickle;
mod state_dict;
mod tensor;

pub use data_type::DataType;
pub use error::Error;
pub use limits::Limits;
pub use state_dict::{StateDict, Tensors};
pub use tensor::TensorView;
