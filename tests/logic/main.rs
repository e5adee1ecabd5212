//! The predictor.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod errors;
mod photographs;
mod predict;
mod recipe;
mod support;
mod threads;
