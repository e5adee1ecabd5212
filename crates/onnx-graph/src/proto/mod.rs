//! The protobuf messages of ONNX, generated from `proto/onnx.proto` as `proto/README.md` says.

#![allow(
    clippy::all,
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    rustdoc::all,
    reason = "generated code: which lints it meets is up to the generator"
)]

include!("onnx.rs");
