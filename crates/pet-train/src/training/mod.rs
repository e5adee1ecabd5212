//! Training of the head, the last blocks or the whole network.

mod batch;
mod checkpoint;
mod configuration;
mod evaluation;
mod examples;
mod gradient;
mod layout;
mod loss;
mod network;
mod optimizer;
mod range_test;
mod trainer;

#[cfg(test)]
mod tests;

pub use checkpoint::Checkpoint;
pub use configuration::{Configuration, FineTune, Schedule};
pub use examples::{Examples, Photographs, Teacher};
pub use range_test::{RangeTest, RatePoint, RateRange};
pub use trainer::{Trained, Trainer};
