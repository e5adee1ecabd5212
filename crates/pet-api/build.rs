//! With the feature `grpc`: generates the messages and the server of the Open Inference Protocol from its description,
//! without `protoc`.

#![cfg_attr(
    not(feature = "grpc"),
    expect(clippy::unnecessary_wraps, reason = "nothing is generated")
)]

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "grpc")]
    generate()?;
    Ok(())
}

#[cfg(feature = "grpc")]
fn generate() -> Result<(), Box<dyn Error>> {
    const PROTOCOL: &str = "proto/open_inference.proto";
    println!("cargo::rerun-if-changed={PROTOCOL}");
    let described = protox::compile([PROTOCOL], ["proto"])?;
    // As `Bytes`, a photograph is not copied out of its message.
    tonic_prost_build::configure().build_client(false).bytes(".").compile_fds(described)?;
    Ok(())
}
