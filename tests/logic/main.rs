//! The predictor, as the command line and the service use it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod photographs;
mod predict;
mod recipe;
mod refusals;
mod support;
mod threads;
