//! Milliseconds per image of a backbone's forward pass:
//! `cargo run --release -p pet-train --example forward -- 16 efficientnet_lite0`.
#![expect(clippy::print_stdout, reason = "it is a program")]

use std::time::Instant;

use candle_core::{Device, Module, Tensor};
use pet_train::Weights;
use pet_train::network::{Architecture, Backbone};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let batch: usize = std::env::args().nth(1).map_or(Ok(16), |text| text.parse())?;
    let name = std::env::args().nth(2).unwrap_or("mobilenet_v2".into());
    let network = Architecture::named(&name).ok_or("no such network")?;
    let backbone = Backbone::new(&Weights::random_of(network, 0)?)?;
    let size = network.recipe.size() as usize;
    let images = Tensor::randn(0f32, 1., (batch, 3, size, size), &Device::Cpu)?;
    for _ in 0..8 {
        let start = Instant::now();
        backbone.forward(&images)?;
        let milliseconds = start.elapsed().as_secs_f64() * 1e3 / batch as f64;
        println!("forward, batch {batch}: {milliseconds:.1} ms per image");
    }
    Ok(())
}
