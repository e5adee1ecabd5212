//! What is written is read again.

use onnx_graph::{Attribute, DataType, Dim, Graph, Model, Node, Tensor};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::networks::every_operator;

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
    assert_eq!(read.inputs()[0].to_string(), "image: f32[batch, 3, 16, 16]");
    let weight = read.initializer("stem.weight").unwrap();
    assert_eq!(weight.shape(), [8, 3, 3, 3]);
    assert_eq!(weight.values::<f32>().unwrap(), crate::networks::ramp(216));
    assert!(matches!(read.nodes()[2].attributes()["group"], Attribute::Int(1)));
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
        prop_assert_eq!(read.initializer("i32").unwrap().values::<i32>().unwrap(), values);
        prop_assert_eq!(read.initializer("u16").unwrap().values::<u16>().unwrap(), narrow);
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        let back = read.initializer("f64").unwrap().values::<f64>().unwrap();
        prop_assert_eq!(bits(&back), bits(&floats));
    }
}
