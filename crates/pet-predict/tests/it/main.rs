//! Black-box tests that run ONNX Runtime; where there is none, they say that they are skipped.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod explaining;
mod int8;
mod loading;
mod predicting;
mod support;
