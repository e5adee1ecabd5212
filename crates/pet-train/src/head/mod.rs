//! The classifier's last layer, trained on the backbone's features.

mod configuration;
mod layer;
mod training;

pub use configuration::HeadConfiguration;
pub use layer::Head;
pub use training::{EpochMetrics, Observer, TrainedHead, train_head};
