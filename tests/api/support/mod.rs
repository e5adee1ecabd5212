//! A running service, requests and responses.

mod images;
mod model;
mod request;
mod response;
mod service;

pub(crate) use images::test_images;
pub(crate) use model::{COLOURS, coloured, colours, colours_called, colours_that_say};
pub(crate) use request::{Request, get, post, read};
pub(crate) use response::Response;
pub(crate) use service::{Service, metric, wait_until};
