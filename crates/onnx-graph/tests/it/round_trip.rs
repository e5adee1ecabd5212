//! What is written is read again, and ONNX's own checker accepts it.

use std::path::{Path, PathBuf};
use std::process::Command;

use onnx_graph::{Attribute, DataType, Dim, Graph, Model, Node, Tensor};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::{every_operator, ramp};

const CHECK: &str = "
import sys, onnx
model = onnx.load(sys.argv[1])
onnx.checker.check_model(model, full_check=True)
inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
print({entry.key: entry.value for entry in model.metadata_props}['author'])
for value in list(inferred.graph.value_info) + list(inferred.graph.output):
    dims = [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
    print(value.name, *dims, sep=',')
import numpy, onnx.reference
image = numpy.random.default_rng(0).random((2, 3, 16, 16), dtype=numpy.float32)
logits, probabilities, again = onnx.reference.ReferenceEvaluator(model).run(None, {'image': image})
assert numpy.array_equal(logits, again) and logits.shape == (2, 5), logits
assert numpy.allclose(probabilities.sum(axis=1), 1), probabilities
";

#[test]
fn everything_survives() {
    let model = every_operator().unwrap();
    let bytes = model.to_bytes().unwrap();
    let read = Model::from_bytes(&bytes).unwrap();
    assert_eq!(read, model);
    assert_eq!(read.opset(), 18);
    assert_eq!(read.ir_version(), 8);
    assert_eq!(read.producer(), ("onnx-graph tests", "1.0"));
    assert_eq!(read.metadata()["author"], "nobody");
    assert_eq!(read.graph().inputs()[0].to_string(), "image: f32[batch, 3, 16, 16]");
    let weight = read.graph().find_initializer("stem.weight").unwrap();
    assert_eq!(weight.shape(), [8, 3, 3, 3]);
    assert_eq!(weight.values::<f32>().unwrap(), ramp(216));
    assert!(matches!(read.graph().nodes()[2].attributes()["group"], Attribute::Int(1)));
}

#[test]
fn the_same_graph_gives_the_same_bytes() {
    let one = every_operator().unwrap().to_bytes().unwrap();
    assert_eq!(one, every_operator().unwrap().to_bytes().unwrap());
    let mut graph = Graph::new("order");
    let input = graph.input("x", DataType::F32, &[]).unwrap();
    graph.output("y", &input).unwrap();
    let first = Model::new(graph.clone(), 18).with_metadata("a", "1").with_metadata("b", "2");
    let second = Model::new(graph, 18).with_metadata("b", "2").with_metadata("a", "1");
    assert_eq!(first.to_bytes().unwrap(), second.to_bytes().unwrap());
}

#[test]
fn every_kind_of_attribute_survives() {
    let mut graph = Graph::new("attributes");
    let input = graph.input("x", DataType::F32, &[Dim::Unknown]).unwrap();
    let node = Node::new("y", "Invented", &[&input])
        .with_attribute("float", Attribute::Float(-0.0))
        .with_attribute("int", Attribute::Int(i64::MIN))
        .with_attribute("string", Attribute::String("ä".to_owned()))
        .with_attribute("floats", Attribute::Floats(vec![1.5, f32::INFINITY]))
        .with_attribute("ints", Attribute::Ints(vec![]))
        .with_attribute("strings", Attribute::Strings(vec![String::new(), "b".to_owned()]))
        .with_attribute("tensor", Attribute::Tensor(Tensor::new("t", &[1], &[7_u8]).unwrap()));
    let value = graph.node_of_type(node, input.tensor_type().clone()).unwrap();
    graph.output("y", &value).unwrap();
    let model = Model::new(graph, 13);
    assert_eq!(Model::from_bytes(&model.to_bytes().unwrap()).unwrap(), model);
}

/// A step of a random graph: which operator, on which of the values so far.
#[derive(Clone, Debug)]
enum Step {
    Unary(usize),
    Add(usize, usize),
    Scale(f32),
    Output,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..8_usize).prop_map(Step::Unary),
        (0..8_usize, 0..8_usize).prop_map(|(left, right)| Step::Add(left, right)),
        (-3.0_f32..3.0).prop_map(Step::Scale),
        Just(Step::Output),
    ]
}

fn build(shape: &[Option<usize>], steps: &[Step], metadata: Vec<(String, String)>) -> Model {
    let axis = |(index, extent): (usize, &Option<usize>)| match extent {
        Some(extent) => Dim::Fixed(*extent),
        None => Dim::symbol(format!("axis{index}")),
    };
    let shape: Vec<_> = shape.iter().enumerate().map(axis).collect();
    let mut graph = Graph::new("random");
    let mut values = vec![graph.input("input", DataType::F32, &shape).unwrap()];
    for (index, step) in steps.iter().enumerate() {
        let name = format!("node{index}");
        let pick = |choice: usize| values[choice % values.len()].clone();
        let value = match step {
            Step::Unary(choice) => graph.relu(&name, &pick(*choice)).unwrap(),
            Step::Add(left, right) => graph.add(&name, &pick(*left), &pick(*right)).unwrap(),
            Step::Scale(factor) => {
                let factor = graph.constant(*factor).unwrap();
                graph.mul(&name, &pick(index), &factor).unwrap()
            }
            Step::Output => {
                let last = values.pop().unwrap();
                let output = graph.output(&format!("output{index}"), &last).unwrap();
                if graph.inputs().contains(&last) { last } else { output }
            }
        };
        values.push(value);
    }
    graph.output("last", &values[values.len() - 1]).unwrap();
    let model = Model::new(graph, 18);
    metadata.into_iter().fold(model, |model, (key, value)| model.with_metadata(key, value))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn random_graphs_survive(
        shape in vec(proptest::option::of(1..9_usize), 0..5),
        steps in vec(step(), 0..20),
        metadata in btree_map("[a-z]{1,8}", ".{0,20}", 0..4),
    ) {
        let model = build(&shape, &steps, metadata.into_iter().collect());
        let bytes = model.to_bytes().unwrap();
        let read = Model::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&read, &model);
        prop_assert_eq!(read.to_bytes().unwrap(), bytes);
    }

    #[test]
    fn tensors_of_several_types_survive(
        values in vec(any::<i32>(), 0..40),
        floats in vec(any::<f64>(), 0..9),
    ) {
        let mut graph = Graph::new("tensors");
        let narrow: Vec<_> = values.iter().map(|&value| value as u16).collect();
        let x = graph.initializer("i32", &[values.len()], &values).unwrap();
        graph.initializer("u16", &[1, narrow.len()], &narrow).unwrap();
        graph.initializer("f64", &[floats.len(), 1], &floats).unwrap();
        graph.output("y", &x).unwrap();
        let bytes = Model::new(graph, 18).to_bytes().unwrap();
        let read = Model::from_bytes(&bytes).unwrap();
        prop_assert_eq!(read.graph().find_initializer("i32").unwrap().values::<i32>().unwrap(), values);
        prop_assert_eq!(read.graph().find_initializer("u16").unwrap().values::<u16>().unwrap(), narrow);
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        let back = read.graph().find_initializer("f64").unwrap().values::<f64>().unwrap();
        prop_assert_eq!(bits(&back), bits(&floats));
    }
}

/// `PET_PYTHON`, else the interpreter in the workspace's cache, if it can import `onnx`. Without one, the test, after which
/// its thread is named, is skipped.
pub(crate) fn python_with_onnx() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cached = workspace.join(".cache/python-env/bin/python");
    let python = std::env::var_os("PET_PYTHON").map_or(cached, PathBuf::from);
    let found = Command::new(&python).args(["-c", "import onnx"]).output();
    if !found.is_ok_and(|found| found.status.success()) {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or_default();
        eprintln!("skipped: {test}: no Python with onnx");
        return None;
    }
    Some(python)
}

#[test]
fn the_onnx_checker_accepts_and_infers_the_same_shapes() {
    let Some(python) = python_with_onnx() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let model = every_operator().unwrap();
    fs_err::write(&path, model.to_bytes().unwrap()).unwrap();
    let output = Command::new(python).args(["-c", CHECK]).arg(&path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("nobody"));
    let theirs: Vec<_> = lines.map(str::to_owned).collect();
    assert_eq!(theirs.len(), model.graph().nodes().len());
    for line in &theirs {
        let name = line.split(',').next().unwrap();
        assert_eq!(*line, our_line(&model, name));
    }
}

/// A result as the script prints it.
fn our_line(model: &Model, name: &str) -> String {
    let tensor_type = model.graph().type_of(name).unwrap();
    let dims = tensor_type.shape.iter().map(ToString::to_string);
    std::iter::once(name.to_owned()).chain(dims).collect::<Vec<_>>().join(",")
}
