//! Milliseconds per image of the backbone's forward pass:
//! `cargo run --release -p pet-train --example forward -- 16`.
#![expect(clippy::print_stdout, reason = "it is a program")]

use std::time::Instant;

use candle_core::{Device, Module, Tensor};
use pet_train::Weights;
use pet_train::mobilenet::Backbone;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let batch: usize = std::env::args()
        .nth(1)
        .map_or(Ok(16), |text| text.parse())?;
    let backbone = Backbone::new(&Weights::random(0)?)?;
    let images = Tensor::randn(0f32, 1., (batch, 3, 224, 224), &Device::Cpu)?;
    for _ in 0..8 {
        let start = Instant::now();
        backbone.forward(&images)?;
        let milliseconds = start.elapsed().as_secs_f64() * 1e3 / batch as f64;
        println!("forward, batch {batch}: {milliseconds:.1} ms per image");
    }
    Ok(())
}
