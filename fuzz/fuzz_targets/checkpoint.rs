//! PyTorch's state dicts: a file as it is, and a pickle inside an archive, whose checksum would stop a changed one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pet_fuzz::zip;
use torch_state_dict::{Limits, StateDict};

/// Of the tensors, and of the pickle.
const BYTES: u64 = 1 << 20;

fuzz_target!(init: pet_fuzz::start("checkpoint", 64 << 20), |data: &[u8]| {
    read(data);
    let storage = [0; 64];
    read(&zip(&[("m/data.pkl", data), ("m/byteorder", b"little"), ("m/data/0", &storage), ("m/version", b"3\n")]));
});

fn read(bytes: &[u8]) {
    let limits = Limits::default()
        .with_file_bytes(BYTES)
        .with_unpacked_bytes(BYTES)
        .with_pickle_steps(10_000);
    let Ok(state) = StateDict::from_bytes_with(bytes, &limits) else {
        return;
    };
    let mut all = 0;
    for (name, tensor) in &state {
        all += tensor.element_count() * tensor.data_type().element_size();
        assert!(state.tensor(name).is_ok());
        let _ = (tensor.to_f32(), tensor.to_i64());
    }
    assert!(all as u64 <= BYTES, "{all} bytes of tensors");
}
