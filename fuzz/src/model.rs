//! What is done with the bytes of an ONNX model.

use onnx_graph::{Limits, Model};
use pet_model::ModelMetadata;

/// Above the committed model.
const BYTES: usize = 16 << 20;

/// Reads a model; one that is read can be written and read again.
pub fn read_model(bytes: &[u8]) {
    let Ok(model) = Model::from_bytes_with(bytes, &Limits::default().with_bytes(BYTES)) else {
        return;
    };
    let written = model.to_bytes().expect("what was read can be written");
    let again = Model::from_bytes(&written).expect("what was written can be read");
    assert!(written == again.to_bytes().expect("the same model"));
    let _ = ModelMetadata::from_properties(model.metadata());
}
