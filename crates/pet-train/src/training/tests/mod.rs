//! Training against candle's own autograd and optimizer, and what holds for every training.

mod checkpoint;
mod gradient;
mod optimizer;
mod support;
mod training;
