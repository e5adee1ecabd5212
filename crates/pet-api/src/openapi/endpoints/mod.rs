//! Every endpoint, a file for each topic.

mod image;
mod inference;
mod model;
mod predict;
mod service;

use super::endpoint::Endpoint;

/// Every endpoint, in the order of the documentation.
pub(crate) fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    [
        predict::ENDPOINTS,
        image::ENDPOINTS,
        model::ENDPOINTS,
        service::ENDPOINTS,
        inference::ENDPOINTS,
    ]
    .into_iter()
    .flatten()
}
