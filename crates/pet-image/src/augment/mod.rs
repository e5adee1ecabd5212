//! Random changes for training.

mod change;
mod configuration;
mod draw;
mod jitter;

pub use change::Change;
pub use configuration::Augment;
