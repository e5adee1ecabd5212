//! Images, from bytes to a tensor, with no more memory than estimated.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use pet_image::{Limits, Preprocess};

/// Memory beyond the estimate: metadata that is decompressed before it is rejected, and a row of pixels.
const OVERHEAD: u64 = (8 << 20) + (128 << 10);

const LIMITS: Limits =
    Limits::DEFAULT.with_bytes(1 << 20).with_width(4096).with_height(4096).with_pixels(1 << 19);

thread_local! {
    static TENSOR: RefCell<Vec<f32>> = RefCell::new(vec![0.0; Preprocess::imagenet().tensor_len()]);
}

fuzz_target!(init: pet_fuzz::start("image", 64 << 20), |data: &[u8]| {
    let recipe = Preprocess::imagenet();
    let expected = recipe.cost(data, &LIMITS).memory;
    let (decoded, peak) = pet_fuzz::peak_of(|| recipe.decode(data, &LIMITS));
    assert!(
        peak as u64 <= expected + OVERHEAD,
        "decoding takes {peak} bytes, {expected} were expected"
    );
    if let Ok(decoded) = decoded {
        TENSOR.with_borrow_mut(|tensor| {
            let _ = recipe.run_image(&decoded.image, tensor);
            assert!(tensor.iter().all(|number| number.is_finite()));
        });
    }
});
