//! Uploads: forms and raw images, compressed and in chunks.
//!
//! The first byte selects the path and the encoding, the second the length of the chunks.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pet_fuzz::Service;

static SERVICE: LazyLock<Service> = LazyLock::new(Service::start);

const PATHS: [&str; 4] = ["/resize?width=8&height=8", "/predict", "/predict/batch", "/grayscale"];

const ENCODINGS: [&str; 4] = ["identity", "identity", "gzip", "deflate"];

fuzz_target!(init: pet_fuzz::start("form", 256 << 20), |data: &[u8]| {
    let [choice, piece, body @ ..] = data else {
        return;
    };
    let choice = usize::from(*choice);
    let headers = [
        ("Content-Type", if choice & 16 == 0 { "multipart/form-data; boundary=b" } else { "image/png" }),
        ("Content-Encoding", ENCODINGS[choice >> 2 & 3]),
    ];
    SERVICE.post(PATHS[choice & 3], &headers, body, usize::from(*piece) * 16);
});
