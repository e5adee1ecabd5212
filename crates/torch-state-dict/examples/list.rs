//! Lists the tensors of a PyTorch file.
//!
//! ```text
//! cargo run --example list -- weights.pth
//! ```

#![expect(clippy::print_stdout, reason = "the list is for people")]

use std::error::Error;

use torch_state_dict::StateDict;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: list FILE")?;
    let weights = StateDict::open(path)?.without_prefix("module.");
    for (name, tensor) in &weights {
        println!("{:10} {:?} {name}", tensor.data_type().to_string(), tensor.shape());
    }
    let elements: usize = weights.iter().map(|(_, tensor)| tensor.element_count()).sum();
    println!("{} tensors, {elements} elements", weights.len());
    Ok(())
}
