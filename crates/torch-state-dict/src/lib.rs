#![doc = include_str!("../README.md")]

mod cursor;
mod data_type;
mod error;
mod format;
mod layout;
mod limits;
mod pickle;
mod state_dict;

pub use data_type::DataType;
pub use error::Error;
pub use limits::Limits;
pub use state_dict::{StateDict, TensorView, Tensors};
