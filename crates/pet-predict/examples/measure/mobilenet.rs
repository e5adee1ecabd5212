//! A network with the layers of `MobileNetV2` and invented weights, to measure with.

use onnx_graph::{ConvOptions, DataType, Dim, Error, GemmOptions, Graph, Model, Value};
use pet_model::{INPUT_NAME, ModelMetadata, OPSET, OUTPUT_NAME};

/// Expansion, channels, repetitions and first stride of each stage: table 2 of
/// <https://arxiv.org/abs/1801.04381>.
const STAGES: [[usize; 4]; 7] = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
];

/// The bytes of the model.
pub(crate) fn mobilenet(metadata: &ModelMetadata) -> Result<Vec<u8>, Error> {
    let size = metadata.preprocess.size() as usize;
    let mut graph = Graph::new("mobilenet_v2");
    let shape = [Dim::symbol("batch"), 3.into(), size.into(), size.into()];
    let image = graph.input(INPUT_NAME, DataType::F32, &shape)?;
    let mut value = convolution(&mut graph, "stem", &image, [3, 32, 3], 2, true)?;
    let mut channels = 32;
    for (stage, [expansion, filters, repetitions, stride]) in STAGES.into_iter().enumerate() {
        for block in 0..repetitions {
            let name = format!("block{stage}.{block}");
            let stride = if block == 0 { stride } else { 1 };
            value = bottleneck(&mut graph, &name, &value, [channels, expansion, filters], stride)?;
            channels = filters;
        }
    }
    let value = convolution(&mut graph, "last", &value, [channels, 1280, 1], 1, true)?;
    let value = graph.global_average_pool("pool", &value)?;
    let value = graph.flatten("flatten", &value, 1)?;
    let classes = metadata.classes.len();
    let weight = graph.initializer("head", &[classes, 1280], &numbers(classes * 1280, 1280))?;
    let options = GemmOptions::default().with_transpose_b(true);
    let logits = graph.gemm("classifier", &value, &weight, None, options)?;
    graph.output(OUTPUT_NAME, &logits)?;
    let properties = metadata.to_properties().unwrap_or_default().into_iter();
    let model = Model::new(graph, OPSET);
    let model = properties.fold(model, |model, (key, value)| model.with_metadata(key, value));
    model.to_bytes()
}

fn bottleneck(
    graph: &mut Graph,
    name: &str,
    input: &Value,
    [channels, expansion, filters]: [usize; 3],
    stride: usize,
) -> Result<Value, Error> {
    let hidden = channels * expansion;
    let wide = match expansion {
        1 => input.clone(),
        _ => convolution(graph, &format!("{name}.wide"), input, [channels, hidden, 1], 1, true)?,
    };
    let deep = format!("{name}.depthwise");
    let deep = convolution(graph, &deep, &wide, [1, hidden, 3], stride, true)?;
    let narrow = format!("{name}.narrow");
    let narrow = convolution(graph, &narrow, &deep, [hidden, filters, 1], 1, false)?;
    if stride == 1 && channels == filters {
        graph.add(&format!("{name}.sum"), input, &narrow)
    } else {
        Ok(narrow)
    }
}

/// A convolution with bias; one channel per filter makes it depthwise.
fn convolution(
    graph: &mut Graph,
    name: &str,
    input: &Value,
    [channels, filters, kernel]: [usize; 3],
    stride: usize,
    activated: bool,
) -> Result<Value, Error> {
    let shape = [filters, channels, kernel, kernel];
    let inputs = channels * kernel * kernel;
    let weight = numbers(filters * inputs, inputs);
    let weight = graph.initializer(&format!("{name}.weight"), &shape, &weight)?;
    let bias = graph.initializer(&format!("{name}.bias"), &[filters], &vec![0.0_f32; filters])?;
    let groups = if channels == 1 { filters } else { 1 };
    let options = ConvOptions::square(kernel)
        .with_stride([stride; 2])
        .with_padding([kernel / 2; 2])
        .with_groups(groups);
    let value = graph.conv(name, input, &weight, Some(&bias), options)?;
    if activated { graph.clip(&format!("{name}.clip"), &value, 0.0, 6.0) } else { Ok(value) }
}

/// Numbers that look random, of a size that keeps the network's values about as large as they were.
fn numbers(count: usize, inputs: usize) -> Vec<f32> {
    let scale = (6.0 / inputs as f32).sqrt();
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next() * scale).collect()
}
