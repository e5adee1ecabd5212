//! Messages of the Open Inference Protocol over gRPC. The first byte selects the call, and whether the rest is a message, to
//! which its prefix is added, or a body of any kind.

#![no_main]

use std::sync::{LazyLock, Mutex};

use libfuzzer_sys::fuzz_target;
use pet_fuzz::Caller;

static CALLER: LazyLock<Mutex<Caller>> = LazyLock::new(|| Mutex::new(Caller::start()));

/// The last is most often chosen.
const METHODS: [&str; 4] = ["ModelReady", "ModelMetadata", "RepositoryModelLoad", "ModelInfer"];

fuzz_target!(init: pet_fuzz::start("grpc", 256 << 20), |data: &[u8]| {
    let [choice, message @ ..] = data else {
        return;
    };
    let method = METHODS[usize::from(*choice & 15).min(3)];
    let prefix = [&[0], &(message.len() as u32).to_be_bytes()[..]].concat();
    let body = if choice & 16 == 0 { [&prefix, message].concat() } else { message.to_vec() };
    CALLER.lock().expect("no call has failed").call(method, body.into());
});
