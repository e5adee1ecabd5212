//! A service to ask, and how to ask it.

mod answer;
mod model;
mod pictures;
mod request;
mod service;

pub(crate) use answer::Answer;
pub(crate) use model::{coloured, colours, colours_called};
pub(crate) use pictures::{HUGE_PNG, gradient, photographs, truncated_jpeg};
pub(crate) use request::{Request, get, post, read};
pub(crate) use service::{Service, metric, results, runtime, wait_until};
