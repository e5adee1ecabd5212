//! Random changes for training.

mod change;
mod configuration;
mod draw;
mod geometry;
mod jitter;
mod operation;

pub use change::Change;
pub use configuration::Augment;
pub use geometry::{Erased, Warp};
