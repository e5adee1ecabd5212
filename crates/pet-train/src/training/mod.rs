//! Training of the head, the last blocks or the whole network.

mod batch;
mod checkpoint;
mod configuration;
mod evaluation;
mod examples;
mod folding;
mod gradient;
mod layout;
mod loss;
mod network;
mod observer;
mod optimizer;
mod random;
mod range_test;
mod schedule;
mod state;
mod step;
mod teacher;
mod trainer;

#[cfg(test)]
mod tests;

pub use checkpoint::Checkpoint;
pub use configuration::{Configuration, FineTune};
pub use examples::{Examples, Photographs};
pub use observer::{EpochMetrics, Observer};
pub use range_test::{RangeTest, RatePoint, RateRange};
pub use schedule::Schedule;
pub use teacher::Teacher;
pub use trainer::{Trained, Trainer};
