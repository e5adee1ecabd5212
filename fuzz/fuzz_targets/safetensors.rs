//! Safetensors: weights and checkpoints. `pet-train` passes such files to the library unchanged, and is not used here because
//! its dependencies take long to compile.

#![no_main]

use libfuzzer_sys::fuzz_target;
use safetensors::SafeTensors;

fuzz_target!(init: pet_fuzz::start("safetensors", 64 << 20), |data: &[u8]| {
    // A file starts with the length of its header, without which reading would end early.
    let header = data.iter().rposition(|byte| *byte == b'}').map_or(0, |end| end + 1);
    let file = [&(header as u64).to_le_bytes()[..], data].concat();
    for bytes in [&file[..], data] {
        let Ok(tensors) = SafeTensors::deserialize(bytes) else {
            continue;
        };
        for (name, tensor) in tensors.iter() {
            let bits = tensor.shape().iter().product::<usize>() * tensor.dtype().bitsize();
            assert_eq!(tensor.data().len() * 8, bits, "{name}");
        }
    }
});
