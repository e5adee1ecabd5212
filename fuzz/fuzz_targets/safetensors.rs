//! Safetensors: weights, and what a training has put aside. `pet-train` hands such files to the library as they are, and
//! is left out here because its own dependencies would take longest to compile.

#![no_main]

use libfuzzer_sys::fuzz_target;
use safetensors::SafeTensors;

fuzz_target!(init: pet_fuzz::start("safetensors", 64 << 20), |data: &[u8]| {
    // A file begins with the length of its header; a wrong one would end the reading.
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
