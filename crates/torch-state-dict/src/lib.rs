#![doc = include_str!("../README.md")]

mod cursor;
mod error;
mod format;
mod layout;
mod limits;
mod pickle;
mod state_dict;

pub use error::Error;
pub use layout::DataType;
pub use limits::Limits;
pub use state_dict::{StateDict, TensorView};
