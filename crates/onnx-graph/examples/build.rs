//! Builds a small image classifier and writes it as an ONNX file.
//!
//! ```text
//! cargo run --example build -- network.onnx
//! ```

use std::error::Error;

use onnx_graph::{ConvOptions, DataType, GemmOptions, Graph, Model};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: build FILE")?;
    let mut graph = Graph::new("classifier");
    let shape = ["batch".into(), 3.into(), 32.into(), 32.into()];
    let image = graph.input("image", DataType::F32, &shape)?;
    let kernels = graph.initializer("kernels", &[8, 3, 3, 3], &[0.01_f32; 216])?;
    let halved = ConvOptions::square(3).with_stride([2, 2]).with_padding([1, 1]);
    let features = graph.conv("convolution", &image, &kernels, None, halved)?;
    let features = graph.relu("relu", &features)?;
    let means = graph.global_average_pool("pool", &features)?;
    let means = graph.flatten("flatten", &means, 1)?;
    let weight = graph.initializer("weight", &[10, 8], &[0.1_f32; 80])?;
    let linear = GemmOptions::default().with_transpose_b(true);
    let logits = graph.gemm("linear", &means, &weight, None, linear)?;
    graph.output("logits", &logits)?;
    let model = Model::new(graph, 18).with_producer("build", "1.0");
    fs_err::write(path, model.to_bytes()?)?;
    Ok(())
}
