//! The committed model with some bytes changed.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use pet_fuzz::{read_model, root};

/// Length of the nodes at the start and of the metadata at the end. Most changes are there, since changed weights in between
/// have no effect.
const ENDS: usize = 64 << 10;

thread_local! {
    static MODEL: RefCell<Vec<u8>> =
        RefCell::new(fs_err::read(root().join("results/model.onnx")).expect("a model"));
}

fuzz_target!(init: pet_fuzz::start("model", 256 << 20), |data: &[u8]| {
    MODEL.with_borrow_mut(|model| {
        let mut before = Vec::new();
        for change in data.chunks_exact(5).take(64) {
            let at = position(u32::from_le_bytes([change[0], change[1], change[2], change[3]]), model.len());
            before.push((at, model[at]));
            model[at] = change[4];
        }
        read_model(model);
        for (at, byte) in before.into_iter().rev() {
            model[at] = byte;
        }
    });
});

fn position(number: u32, length: usize) -> usize {
    let (region, number) = (number % 8, number as usize / 8);
    match region {
        0 => number % length,
        1..5 => number % ENDS.min(length),
        _ => length - 1 - number % ENDS.min(length),
    }
}
