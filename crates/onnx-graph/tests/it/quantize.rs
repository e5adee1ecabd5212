//! Quantized models: what is written, and that it computes nearly the same.

use std::collections::BTreeMap;
use std::process::Command;

use onnx_graph::{ConvOptions, DataType, Dim, Error, Graph, Model, Quantizer, Range};

use crate::round_trip::python_with_onnx;
use crate::{convolution, ramp};

/// Two inverted residual blocks behind a stem, and a classifier.
fn network() -> Result<Model, Error> {
    let mut graph = Graph::new("network");
    let shape = [Dim::symbol("batch"), 3.into(), 16.into(), 16.into()];
    let image = graph.input("image", DataType::F32, &shape)?;
    let stem = convolution(&mut graph, "stem", &image, [8, 3, 3], 2, 1)?;
    let depthwise = convolution(&mut graph, "depthwise", &stem, [8, 1, 3], 1, 8)?;
    let weight = graph.initializer("narrow.weight", &[8, 8, 1, 1], &ramp(64))?;
    let narrow = graph.conv("narrow", &depthwise, &weight, None, ConvOptions::square(1))?;
    let sum = graph.add("sum", &stem, &narrow)?;
    let last = convolution(&mut graph, "last", &sum, [16, 8, 1], 1, 1)?;
    let pooled = graph.global_average_pool("pool", &last)?;
    let features = graph.flatten("flatten", &pooled, 1)?;
    graph.output("features", &features)?;
    // The lowest in which the reference implementation of ONNX can dequantize.
    Ok(Model::new(graph, 19).with_metadata("author", "nobody"))
}

fn wide(quantizer: &Quantizer) -> BTreeMap<String, Range> {
    let range = Range::new(-3.0, 7.0).unwrap();
    let names = quantizer.values().into_iter();
    names.map(|value| (value.name().to_owned(), range)).collect()
}

fn count(model: &Model, op_type: &str) -> usize {
    model.graph().nodes().iter().filter(|node| node.op_type() == op_type).count()
}

#[test]
fn convolutions_and_sums_go_through_bytes_and_clips_are_folded() {
    let model = network().unwrap();
    let quantizer = Quantizer::new(&model);
    let layers = quantizer.layers();
    let layers: Vec<_> = layers.iter().map(onnx_graph::Value::name).collect();
    assert_eq!(layers, ["stem.conv", "depthwise.conv", "narrow", "last.conv"]);
    let values = quantizer.values();
    let names: Vec<_> = values.iter().map(|value| value.name().to_owned()).collect();
    let expected = ["image", "stem.clip", "depthwise.clip", "narrow", "sum", "last.clip"];
    assert_eq!(names, expected);
    let quantized = quantizer.quantize(&wide(&quantizer)).unwrap();
    assert_eq!(count(&quantized, "Conv"), 4);
    assert_eq!(count(&quantized, "Clip"), 0);
    assert_eq!(count(&quantized, "QuantizeLinear"), expected.len());
    assert_eq!(quantized.metadata(), model.metadata());
    // Clipped at 0 and 6, however far the observed range reaches.
    let scale =
        quantized.graph().find_initializer("stem.clip.scale").unwrap().values::<f32>().unwrap();
    assert_eq!(scale, [6.0 / 255.0]);
    let weight = quantized.graph().find_initializer("depthwise.weight.quantized").unwrap();
    assert_eq!(weight.data_type(), DataType::I8);
    assert!(quantized.graph().find_initializer("depthwise.weight").is_none());
    assert_eq!(Model::from_bytes(&quantized.to_bytes().unwrap()).unwrap(), quantized);
}

#[test]
fn the_first_layers_stay_as_they_are() {
    let model = network().unwrap();
    let quantizer = Quantizer::new(&model).with_float_layers(2);
    let values = quantizer.values();
    let names: Vec<_> = values.iter().map(|value| value.name().to_owned()).collect();
    // The sum takes what a float layer has made, and so is one of floats.
    assert_eq!(names, ["depthwise.clip", "narrow", "sum", "last.clip"]);
    let quantized = quantizer.quantize(&wide(&quantizer)).unwrap();
    assert_eq!(count(&quantized, "Clip"), 2);
    assert_eq!(
        quantized.graph().find_initializer("stem.weight"),
        model.graph().find_initializer("stem.weight")
    );

    let none = Quantizer::new(&model).with_float_layers(4);
    assert_eq!(none.quantize(&BTreeMap::new()).unwrap().graph().nodes(), model.graph().nodes());
}

#[test]
fn a_range_that_is_missing_is_named() {
    let model = network().unwrap();
    let quantizer = Quantizer::new(&model);
    let mut ranges = wide(&quantizer);
    ranges.remove("narrow");
    let error = quantizer.quantize(&ranges).unwrap_err();
    assert_eq!(error.to_string(), "the range of value `narrow` is not known");
}

#[test]
fn what_is_used_otherwise_is_kept() {
    let mut graph = Graph::new("uses");
    let shape = [Dim::symbol("batch"), 3.into(), 8.into(), 8.into()];
    let image = graph.input("image", DataType::F32, &shape).unwrap();
    let weight = graph.initializer("weight", &[3, 3, 1, 1], &ramp(9)).unwrap();
    let one = graph.conv("one", &image, &weight, None, ConvOptions::square(1)).unwrap();
    let two = graph.conv("two", &one, &weight, None, ConvOptions::square(1)).unwrap();
    // A limit that does not let 0 through, and a result that is given away before its activation.
    let high = graph.clip("high", &two, 1.0, 6.0).unwrap();
    let three = graph.conv("three", &high, &weight, None, ConvOptions::square(1)).unwrap();
    let relu = graph.relu("relu", &three).unwrap();
    graph.output("three", &three).unwrap();
    graph.output("relu", &relu).unwrap();
    graph.output("weights", &weight).unwrap();
    let model = Model::new(graph, 18);
    let quantizer = Quantizer::new(&model);
    let quantized = quantizer.quantize(&wide(&quantizer)).unwrap();
    assert_eq!((count(&quantized, "Clip"), count(&quantized, "Relu")), (1, 1));
    assert!(quantized.graph().find_initializer("weight.2.quantized").is_some());
    assert_eq!(quantized.graph().outputs(), model.graph().outputs());
    assert_eq!(Model::from_bytes(&quantized.to_bytes().unwrap()).unwrap(), quantized);
}

/// Runs the float model on random images and prints the ranges of the values that are named.
const OBSERVE: &str = "
import sys, numpy, onnx, onnx.reference
model = onnx.load(sys.argv[1])
names = sys.argv[2:]
for name in names:
    if name != 'image':
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
images = numpy.random.default_rng(0).random((8, 3, 16, 16), dtype=numpy.float32)
run = onnx.reference.ReferenceEvaluator(model).run
for name in names:
    values = images if name == 'image' else run([name], {'image': images})[0]
    print(name, float(values.min()), float(values.max()))
";

/// Checks the quantized model, and compares it with the other as ONNX defines both; where there is
/// ONNX Runtime, it must compute what ONNX defines.
const COMPARE: &str = "
import sys, numpy, onnx, onnx.reference
floats, quantized = (onnx.load(path) for path in sys.argv[1:3])
onnx.checker.check_model(quantized, full_check=True)
onnx.shape_inference.infer_shapes(quantized, strict_mode=True, data_prop=True)
images = numpy.random.default_rng(1).random((8, 3, 16, 16), dtype=numpy.float32)
run = lambda model: onnx.reference.ReferenceEvaluator(model).run(None, {'image': images})[0]
expected, got = run(floats), run(quantized)
assert numpy.abs(expected - got).max() < 0.03 * numpy.abs(expected).max(), (expected, got)
assert not numpy.array_equal(expected, got)
try:
    import onnxruntime
except ImportError:
    sys.exit()
session = onnxruntime.InferenceSession(sys.argv[2], providers=['CPUExecutionProvider'])
[output] = session.run(None, {'image': images})
assert numpy.abs(output - got).max() < 0.01 * numpy.abs(expected).max(), (output, got)
";

#[test]
fn python_takes_it_and_computes_nearly_the_same() {
    let Some(python) = python_with_onnx() else { return };
    let folder = tempfile::tempdir().unwrap();
    let [floats, bytes] = ["floats.onnx", "bytes.onnx"].map(|name| folder.path().join(name));
    let model = network().unwrap();
    fs_err::write(&floats, model.to_bytes().unwrap()).unwrap();
    let quantizer = Quantizer::new(&model);
    let values = quantizer.values();
    let names = values.iter().map(onnx_graph::Value::name);
    let output = Command::new(&python).args(["-c", OBSERVE]).arg(&floats).args(names).output();
    let output = output.unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let read = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        let ends = (words[1].parse().unwrap(), words[2].parse().unwrap());
        (words[0].to_owned(), Range::new(ends.0, ends.1).unwrap())
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let ranges: BTreeMap<_, _> = text.lines().map(read).collect();
    for layers in [0, 1] {
        let quantizer = quantizer.clone().with_float_layers(layers);
        let quantized = quantizer.quantize(&ranges).unwrap();
        fs_err::write(&bytes, quantized.to_bytes().unwrap()).unwrap();
        let output = Command::new(&python).args(["-c", COMPARE]).args([&floats, &bytes]).output();
        let output = output.unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{layers} layers in float: {error}");
    }
}
