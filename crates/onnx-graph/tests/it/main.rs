//! Black-box tests of the crate.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod build;
mod bytes;
mod quantize;
mod round_trip;

use onnx_graph::{ConvOptions, DataType, Dim, Error, GemmOptions, Graph, Model, Value};

/// A small residual network with every operator that has a method.
fn every_operator() -> Result<Model, Error> {
    let mut graph = Graph::new("every_operator");
    let shape = [Dim::symbol("batch"), 3.into(), 16.into(), 16.into()];
    let image = graph.input("image", DataType::F32, &shape)?;
    let image = scaled(&mut graph, &image)?;
    let stem = convolution(&mut graph, "stem", &image, [8, 3, 3], 2, 1)?;
    let depthwise = convolution(&mut graph, "depthwise", &stem, [8, 1, 3], 1, 8)?;
    let sum = graph.add("residual", &stem, &depthwise)?;
    let pooled = graph.global_average_pool("pool", &sum)?;
    let features = graph.flatten("flatten", &pooled, 1)?;
    let gate = graph.sigmoid("gate", &features)?;
    let gated = graph.mul("gated", &features, &gate)?;
    let mixing = graph.initializer("mixing", &[8, 8], &ramp(64))?;
    let mixed = graph.matmul("mixed", &gated, &mixing)?;
    let mixed = graph.relu("relu", &mixed)?;
    let weight = graph.initializer("classifier.weight", &[5, 8], &ramp(40))?;
    let bias = graph.initializer("classifier.bias", &[5], &ramp(5))?;
    let options = GemmOptions::default().with_transpose_b(true);
    let logits = graph.gemm("classifier", &mixed, &weight, Some(&bias), options)?;
    let probabilities = graph.softmax("softmax", &logits, -1)?;
    let logits = graph.output("logits", &logits)?;
    graph.output("probabilities", &probabilities)?;
    graph.output("again", &logits)?;
    Ok(Model::new(graph, 18)
        .with_producer("onnx-graph tests", "1.0")
        .with_metadata("classes", r#"["a", "b", "c", "d", "e"]"#)
        .with_metadata("author", "nobody"))
}

fn scaled(graph: &mut Graph, image: &Value) -> Result<Value, Error> {
    let mean = graph.initializer("mean", &[3, 1, 1], &[0.5_f32, 0.4, 0.3])?;
    let centred = graph.sub("centred", image, &mean)?;
    let deviation = graph.constant(0.25)?;
    graph.div("scaled", &centred, &deviation)
}

/// A convolution with bias and `ReLU6`; the weight is `[filters, channels, kernel, kernel]`.
fn convolution(
    graph: &mut Graph,
    name: &str,
    input: &Value,
    [filters, channels, kernel]: [usize; 3],
    stride: usize,
    groups: usize,
) -> Result<Value, Error> {
    let shape = [filters, channels, kernel, kernel];
    let values = ramp(shape.iter().product());
    let weight = graph.initializer(&format!("{name}.weight"), &shape, &values)?;
    let bias = graph.initializer(&format!("{name}.bias"), &[filters], &ramp(filters))?;
    let options = ConvOptions::square(kernel)
        .with_stride([stride; 2])
        .with_padding([kernel / 2; 2])
        .with_groups(groups);
    let result = graph.conv(&format!("{name}.conv"), input, &weight, Some(&bias), options)?;
    graph.clip(&format!("{name}.clip"), &result, 0.0, 6.0)
}

/// Different small numbers of both signs.
fn ramp(count: usize) -> Vec<f32> {
    (0..count).map(|index| (index % 11) as f32 / 11.0 - 0.45).collect()
}
