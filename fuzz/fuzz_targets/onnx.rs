//! ONNX models. A valid one can be written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: pet_fuzz::start("onnx", 128 << 20), |data: &[u8]| pet_fuzz::read_model(data));
