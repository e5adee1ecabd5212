//! Prints what a model would see of a photograph: `cargo run -p pet-image --example tensor -- photo.jpg`

#![expect(clippy::print_stdout, reason = "an example prints what it found")]

use std::error::Error;

use pet_image::{Limits, Preprocess, Statistics, decode};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: tensor PHOTOGRAPH")?;
    let (bytes, limits) = (fs_err::read(path)?, Limits::default());

    let decoded = decode(&bytes, &limits)?;
    let (width, height) = decoded.image.dimensions();
    let Statistics { mean, .. } = Statistics::of(&decoded.image);
    println!("{}, {width}x{height} pixels, mean levels {mean:.1?}", decoded.format);

    let recipe = Preprocess::imagenet();
    let mut tensor = vec![0.0; recipe.tensor_len()];
    recipe.run(&bytes, &limits, &mut tensor)?;
    let (low, high) = tensor
        .iter()
        .fold((f32::MAX, f32::MIN), |(low, high), &number| (low.min(number), high.max(number)));
    println!("a tensor of {} numbers from {low:.2} to {high:.2}", tensor.len());
    Ok(())
}
