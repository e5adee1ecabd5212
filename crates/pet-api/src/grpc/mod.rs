//! The Open Inference Protocol over gRPC, on a port of its own.
//!
//! ```text
//! connection ── server ──▶ call ── read within the limits, then bounds ──▶ service ── message ──▶ open_inference
//! ```
//!
//! What a request means is in [`open_inference`](crate::open_inference), as for HTTP. Here are only its form, and what the
//! routes, extractors and middleware do for HTTP: limits, token, deadline, traces, metrics and log.

mod bounds;
mod call;
mod deadline;
mod message;
mod method;
mod server;
mod service;
mod status;
mod whole;

pub(crate) use method::statuses;
pub(crate) use server::{Server, Stop};

/// The messages and the server, generated from `proto/open_inference.proto` as `proto/README.md` says.
#[allow(
    clippy::all,
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    reason = "generated code: which lints it meets is up to the generator"
)]
mod proto {
    include!("inference.rs");
}
