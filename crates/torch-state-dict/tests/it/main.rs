//! Reads files that PyTorch wrote; `tests/fixtures/make_fixtures.py` made them.

#![expect(clippy::unwrap_used, reason = "tests may panic, and so may their helpers")]

mod hostile;
mod layouts;
mod pickles;
mod refusals;

use std::path::PathBuf;

use torch_state_dict::{Error, StateDict};

fn fixture_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn fixture(name: &str) -> Vec<u8> {
    fs_err::read(fixture_path(name)).unwrap()
}

fn read(bytes: &[u8]) -> Result<StateDict, Error> {
    StateDict::from_bytes(bytes)
}
