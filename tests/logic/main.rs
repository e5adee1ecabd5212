//! The predictor, as the command line and the service use it.

mod photographs;
mod predict;
mod recipe;
mod refusals;
mod support;
mod threads;
