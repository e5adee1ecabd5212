//! A service to ask, and how to ask it.

mod answer;
mod model;
mod pictures;
mod request;
mod service;

pub(crate) use answer::Answer;
pub(crate) use model::{COLOURS, coloured, colours, colours_called, colours_that_say};
pub(crate) use pictures::{HUGE_PNG, gradient, photographs, test_images, truncated_jpeg};
pub(crate) use request::{Request, get, post, read};
pub(crate) use service::{
    Service, metric, results, results_are_committed, root, runtime, wait_until,
};
