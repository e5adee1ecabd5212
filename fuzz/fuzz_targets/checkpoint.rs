//! PyTorch's state dicts: a file, and a pickle that is put into an archive, since mutations would break its checksum.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pet_fuzz::zip;
use torch_state_dict::{Limits, StateDict};

/// Largest file, and largest tensors, in bytes.
const MAX_BYTES: u64 = 1 << 20;

fuzz_target!(init: pet_fuzz::start("checkpoint", 64 << 20), |data: &[u8]| {
    read(data);
    let storage = [0; 64];
    read(&zip(&[("m/data.pkl", data), ("m/byteorder", b"little"), ("m/data/0", &storage), ("m/version", b"3\n")]));
});

fn read(bytes: &[u8]) {
    let limits = Limits::default()
        .with_file_bytes(MAX_BYTES)
        .with_unpacked_bytes(MAX_BYTES)
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
    assert!(all as u64 <= MAX_BYTES, "{all} bytes of tensors");
}
