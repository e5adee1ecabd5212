//! Random changes for training.

mod change;
mod configuration;
mod draw;
mod jitter;
mod operation;
mod place;

pub use change::Change;
pub use configuration::Augment;
pub use place::{Erased, Warp};
