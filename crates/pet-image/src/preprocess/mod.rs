//! Preprocessing: from a file to a tensor.

mod recipe;
mod region;
mod run;
mod square;
mod validate;

pub use recipe::{Layout, Preprocess, Resize};
pub use region::Region;
pub(crate) use square::Square;
