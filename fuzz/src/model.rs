//! ONNX models.

use onnx_graph::{Limits, Model};
use pet_model::ModelMetadata;

/// Largest model in bytes; the committed one is smaller.
const MAX_BYTES: usize = 16 << 20;

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
