//! Shared by the targets: limits of memory and stack, a service and a server.

mod archive;
mod grpc;
mod memory;
mod model;
mod places;
mod seeds;
mod server;
mod service;
mod stack;

pub use archive::zip;
pub use grpc::Caller;
pub use memory::peak_of;
pub use model::read_model;
pub use places::{root, scratch};
pub use server::Server;
pub use service::Service;

/// Prepares a target: writes its seeds, reports stack overflows, and limits memory.
pub fn start(target: &str, max_bytes: usize) {
    seeds::write(target);
    stack::watch();
    memory::limit(max_bytes);
}
