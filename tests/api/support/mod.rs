//! A running service, requests and responses.

mod images;
mod model;
mod request;
mod response;
mod service;

pub(crate) use images::{HUGE_PNG, gradient, photographs, skipped, test_images, truncated_jpeg};
pub(crate) use model::{COLOURS, coloured, colours, colours_called, colours_that_say};
pub(crate) use request::{Request, get, post, read};
pub(crate) use response::Response;
pub(crate) use service::{
    Service, metric, results, results_are_committed, root, runtime, wait_until,
};
