//! Shared by the targets: limits of memory and stack, a service and a server, files and models.

mod memory;
mod seeds;
mod server;
mod service;

use std::path::{Path, PathBuf};

use flate2::Crc;
use onnx_graph::{Limits, Model};
use pet_model::ModelMetadata;
use tempfile::TempDir;

pub use memory::peak_of;
pub use server::Server;
pub use service::{Caller, Service};

/// Largest model in bytes; the committed one is smaller.
const MAX_BYTES: usize = 16 << 20;

/// Prepares a target: writes its seeds, reports stack overflows, and limits memory.
pub fn start(target: &str, max_bytes: usize) {
    seeds::write(target);
    memory::watch_stack();
    memory::limit(max_bytes);
}

/// The repository's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A temporary folder, in memory if possible.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory } else { &std::env::temp_dir() };
    tempfile::tempdir_in(folder).expect("a folder for files")
}

/// An uncompressed archive.
pub fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut sum = Crc::new();
        sum.update(content);
        let [sum, length] = [sum.sum(), content.len() as u32].map(u32::to_le_bytes);
        let start = (bytes.len() as u32).to_le_bytes();
        // Version, flags, method, time and date, as in the directory.
        let common = [
            &[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0][..],
            &sum,
            &length,
            &length,
            &(name.len() as u16).to_le_bytes(),
            &[0, 0],
        ]
        .concat();
        bytes.extend([b"PK\x03\x04", &common[..], name.as_bytes(), content].concat());
        let entry = [b"PK\x01\x02\x14\0", &common[..], &[0; 10], &start, name.as_bytes()];
        directory.extend(entry.concat());
    }
    let count = (files.len() as u16).to_le_bytes();
    let [length, start] = [directory.len() as u32, bytes.len() as u32].map(u32::to_le_bytes);
    let end = [b"PK\x05\x06\0\0\0\0", &count[..], &count, &length, &start, &[0, 0]].concat();
    [bytes, directory, end].concat()
}

/// Reads a model. A valid one can be written and read again.
pub fn read_model(bytes: &[u8]) {
    let Ok(model) = Model::from_bytes_with(bytes, &Limits::default().with_bytes(MAX_BYTES)) else {
        return;
    };
    let written = model.to_bytes().expect("what was read can be written");
    let again = Model::from_bytes(&written).expect("what was written can be read");
    assert!(written == again.to_bytes().expect("the same model"));
    let _ = ModelMetadata::from_properties(model.metadata());
}
