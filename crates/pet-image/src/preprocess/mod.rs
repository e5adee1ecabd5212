//! The one recipe from bytes to a tensor.

mod recipe;
mod run;
mod validate;

pub use recipe::{Layout, Preprocess, Resize};
