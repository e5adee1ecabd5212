//! What the targets share: limits of memory and stack, and the other end of a connection.

mod archive;
mod memory;
mod model;
mod places;
mod seeds;
mod server;
mod service;
mod stack;

pub use archive::zip;
pub use memory::peak_of;
pub use model::read_model;
pub use places::{root, scratch};
pub use server::Server;
pub use service::Service;

/// Prepares a target: it has its seeds, a panic and an overflow of the stack leave the input that made them, and nobody
/// holds more than so many bytes.
pub fn start(target: &str, bytes: usize) {
    seeds::write(target);
    stack::watch();
    memory::limit(bytes);
}
