//! Tests of the service over HTTP, and over gRPC with the feature `grpc`.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod batch;
mod canary;
mod drift;
mod errors;
mod explain;
mod feedback;
mod files;
#[cfg(feature = "grpc")]
mod grpc;
mod headers;
mod health;
mod hostile;
mod images;
mod load;
mod memory;
mod predict;
mod protocol;
mod reload;
mod repository;
mod shadow;
mod stop;
mod support;
mod trace;
mod uploads;
