//! Tests of the service over HTTP, and over gRPC with the feature `grpc`.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod drift;
mod errors;
mod feedback;
#[cfg(feature = "grpc")]
mod grpc;
mod headers;
mod hostile;
mod images;
mod load;
mod model;
mod predict;
mod protocol;
mod repository;
mod successors;
mod support;
