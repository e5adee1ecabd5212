//! Bodies of the Open Inference Protocol. The first two bytes are the length of the JSON before binary data; if they are zero,
//! the header with the length is not sent.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pet_fuzz::Service;

static SERVICE: LazyLock<Service> = LazyLock::new(Service::start);

fuzz_target!(init: pet_fuzz::start("protocol", 256 << 20), |data: &[u8]| {
    let [low, high, body @ ..] = data else {
        return;
    };
    let length = u16::from_le_bytes([*low, *high]).to_string();
    let mut headers = vec![("Content-Type", "application/json")];
    if length != "0" {
        headers.push(("Inference-Header-Content-Length", &length));
    }
    SERVICE.post("/v2/models/oxford_pet_classifier/infer", &headers, body, usize::MAX);
});
