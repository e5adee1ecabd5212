//! Black-box tests of the crate.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod build;
mod bytes;
mod checker;
mod depth;
mod networks;
mod quantize;
mod round_trip;
