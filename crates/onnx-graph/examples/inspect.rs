//! Lists the inputs, nodes and outputs of an ONNX file.
//!
//! ```text
//! cargo run --example inspect -- network.onnx
//! ```

#![expect(clippy::print_stdout, reason = "the list is for people")]

use std::error::Error;

use onnx_graph::Model;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: inspect FILE")?;
    let model = Model::from_bytes(&fs_err::read(path)?)?;
    println!("{}, opset {}", model.graph().name(), model.opset());
    for input in model.graph().inputs() {
        println!("input   {input}");
    }
    for node in model.graph().nodes() {
        let results = node.outputs().iter().map(|name| match model.graph().value(name) {
            Some(value) => value.to_string(),
            None => name.clone(),
        });
        let results: Vec<_> = results.collect();
        println!("{:24} {}", node.op_type(), results.join(", "));
    }
    for output in model.graph().outputs() {
        println!("output  {output}");
    }
    let parameters = model.graph().initializers().iter();
    let count: usize = parameters.map(|tensor| tensor.shape().iter().product::<usize>()).sum();
    println!("{count} parameters");
    Ok(())
}
