//! What building infers and what it refuses.

use onnx_graph::{
    Attribute, ConvOptions, DataType, Dim, Error, GemmOptions, Graph, Model, Node, TensorType,
};

use crate::every_operator;

fn image_graph() -> (Graph, onnx_graph::Value) {
    let mut graph = Graph::new("test");
    let shape = [Dim::symbol("batch"), 3.into(), 8.into(), 8.into()];
    let image = graph.input("image", DataType::F32, &shape).unwrap();
    (graph, image)
}

#[test]
fn every_operator_is_inferred() {
    let model = every_operator().unwrap();
    let type_of = |name: &str| model.graph().type_of(name).unwrap().to_string();
    assert_eq!(type_of("stem.conv"), "f32[batch, 8, 8, 8]");
    assert_eq!(type_of("residual"), "f32[batch, 8, 8, 8]");
    assert_eq!(type_of("pool"), "f32[batch, 8, 1, 1]");
    assert_eq!(type_of("flatten"), "f32[batch, 8]");
    assert_eq!(model.graph().outputs()[0].to_string(), "logits: f32[batch, 5]");
    assert_eq!(model.graph().outputs()[1].to_string(), "probabilities: f32[batch, 5]");
    assert_eq!(model.graph().outputs()[2].to_string(), "again: f32[batch, 5]");
}

#[test]
fn constants_are_shared() {
    let model = every_operator().unwrap();
    let names = model.graph().initializers().iter().map(onnx_graph::Tensor::name);
    let constants: Vec<_> = names.filter(|name| name.starts_with("constant.")).collect();
    assert_eq!(constants, ["constant.0.25", "constant.0", "constant.6"]);
}

#[test]
fn wrong_wiring_names_the_node_expected_and_got() {
    let (mut graph, image) = image_graph();
    let weight = graph.initializer("weight", &[4, 2, 3, 3], &[0.0_f32; 72]).unwrap();
    let error = graph.conv("stem", &image, &weight, None, ConvOptions::square(3)).unwrap_err();
    let expected = "node `stem` (Conv) expects 3 channels in 1 groups, got a weight for 2";
    assert_eq!(error.to_string(), expected);

    let weight = graph.initializer("weight5", &[4, 3, 5, 5], &[0.0_f32; 300]).unwrap();
    let error = graph.conv("five", &image, &weight, None, ConvOptions::square(3)).unwrap_err();
    let expected = "node `five` (Conv) expects a weight for its kernel 3, got one of extent 5";
    assert_eq!(error.to_string(), expected);

    let bias = graph.initializer("bias", &[3], &[0.0_f32; 3]).unwrap();
    let options = ConvOptions::square(5);
    let error = graph.conv("biased", &image, &weight, Some(&bias), options).unwrap_err();
    let expected = "node `biased` (Conv) expects a bias of [4], got f32[3]";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_kernel_larger_than_its_input_is_refused() {
    let (mut graph, image) = image_graph();
    let weight = graph.initializer("weight", &[1, 3, 9, 9], &[0.0_f32; 243]).unwrap();
    let error = graph.conv("nine", &image, &weight, None, ConvOptions::square(9)).unwrap_err();
    let expected = "node `nine` (Conv) expects an input no smaller than its kernel 9, got 8";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn options_that_no_operator_takes_are_refused() {
    let (mut graph, image) = image_graph();
    let weight = graph.initializer("weight", &[4, 3, 3, 3], &[0.0_f32; 108]).unwrap();
    let options = ConvOptions::square(3).with_groups(0);
    let error = graph.conv("a", &image, &weight, None, options).unwrap_err();
    assert!(matches!(error, Error::Attribute { .. }), "{error}");
    let options = ConvOptions::square(3).with_stride([0, 1]);
    let error = graph.conv("b", &image, &weight, None, options).unwrap_err();
    let expected = "attribute `strides` of node `b` should be 2 integers of at least 1, \
                    got Ints([0, 1])";
    assert_eq!(error.to_string(), expected);
    let error = graph.softmax("c", &image, 4).unwrap_err();
    assert!(matches!(error, Error::Attribute { .. }), "{error}");
    assert!(graph.flatten("d", &image, i64::MIN).is_err());
}

#[test]
fn products_must_fit() {
    let mut graph = Graph::new("test");
    let features = graph.input("x", DataType::F32, &[Dim::symbol("n"), 8.into()]).unwrap();
    let weight = graph.initializer("w", &[5, 8], &[0.0_f32; 40]).unwrap();
    let transposed = GemmOptions::default().with_transpose_b(true);
    let error = graph.gemm("a", &features, &weight, None, GemmOptions::default()).unwrap_err();
    let expected = "node `a` (Gemm) expects a right matrix with inner extent 8, got 5";
    assert_eq!(error.to_string(), expected);
    let bias = graph.initializer("b", &[4], &[0.0_f32; 4]).unwrap();
    let error = graph.gemm("c", &features, &weight, Some(&bias), transposed).unwrap_err();
    let expected = "node `c` (Gemm) expects a bias that broadcasts to `f32[n, 5]`, got f32[4]";
    assert_eq!(error.to_string(), expected);
    assert!(graph.matmul("d", &features, &weight).is_err());
    assert!(graph.add("e", &features, &bias).is_err());
}

#[test]
fn element_types_must_agree() {
    let (mut graph, image) = image_graph();
    let one = graph.initializer("one", &[], &[1_i64]).unwrap();
    let error = graph.add("sum", &image, &one).unwrap_err();
    assert_eq!(error.to_string(), "node `sum` (Add) expects inputs of `f32`, got i64[]");
    assert!(graph.sigmoid("s", &one).is_err());
}

#[test]
fn names_are_unique_and_values_are_of_the_graph() {
    let (mut graph, image) = image_graph();
    graph.relu("relu", &image).unwrap();
    let error = graph.relu("relu", &image).unwrap_err();
    assert_eq!(error.to_string(), "there is already a node named `relu`");
    let error = graph.relu("image", &image).unwrap_err();
    assert_eq!(error.to_string(), "there is already a value named `image`");
    assert!(matches!(graph.relu("", &image), Err(Error::EmptyName { .. })));

    let mut other = Graph::new("other");
    let error = other.relu("relu", &image).unwrap_err();
    let expected = "node `relu` (Relu) uses value `image`, which nothing before it defines";
    assert_eq!(error.to_string(), expected);
    assert!(matches!(other.output("image", &image), Err(Error::UndefinedValue { .. })));
}

#[test]
fn a_failed_step_leaves_the_graph_as_it_was() {
    let (mut graph, image) = image_graph();
    let before = graph.clone();
    assert!(graph.flatten("flat", &image, 9).is_err());
    assert!(graph.relu("image", &image).is_err());
    assert!(graph.initializer("w", &[2], &[1.0_f32]).is_err());
    assert_eq!(graph, before);
    graph.flatten("flat", &image, 1).unwrap();
}

#[test]
fn outputs_are_renamed_everywhere() {
    let (mut graph, image) = image_graph();
    let relu = graph.relu("relu", &image).unwrap();
    let used = graph.sigmoid("sigmoid", &relu).unwrap();
    let output = graph.output("features", &relu).unwrap();
    assert_eq!(output.name(), "features");
    assert_eq!(graph.nodes()[0].outputs(), ["features"]);
    assert_eq!(graph.nodes()[1].inputs(), ["features"]);
    assert!(graph.relu("late", &relu).is_err(), "the old name is gone");
    graph.output("sigmoid", &used).unwrap();
    graph.output("image again", &image).unwrap();
    assert_eq!(graph.nodes()[2].op_type(), "Identity");
}

#[test]
fn operators_without_a_rule_need_a_type() {
    let (mut graph, image) = image_graph();
    let node = Node::new("erf", "Erf", &[&image]);
    let error = graph.node(node.clone()).unwrap_err();
    let expected = "node `erf` has the operator `Erf` without the type of its result, \
                    which is not supported";
    assert_eq!(error.to_string(), expected);
    let erf = graph.node_of_type(node, image.tensor_type().clone()).unwrap();
    let wrong = TensorType::new(DataType::F32, &[7.into()]);
    let error = graph.node_of_type(Node::new("relu", "Relu", &[&erf]), wrong).unwrap_err();
    let expected = "value `relu` is declared as `f32[7]`, but is `f32[batch, 3, 8, 8]`";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn padding_by_rule_leaves_the_extent_open() {
    let (mut graph, image) = image_graph();
    let weight = graph.initializer("weight", &[4, 3, 3, 3], &[0.0_f32; 108]).unwrap();
    let rule = Attribute::String("SAME_UPPER".to_owned());
    let node = Node::new("conv", "Conv", &[&image, &weight]).with_attribute("auto_pad", rule);
    let value = graph.node(node).unwrap();
    assert_eq!(value.tensor_type().to_string(), "f32[batch, 4, ?, ?]");
}

#[test]
fn a_model_needs_outputs_a_name_and_a_known_opset() {
    let error = Model::new(Graph::new("empty"), 18).to_bytes().unwrap_err();
    assert_eq!(error.to_string(), "the model has no outputs");
    let model = every_operator().unwrap();
    let error = Model::new(model.graph().clone(), 9).to_bytes().unwrap_err();
    assert_eq!(error.to_string(), "opset 9 is not supported, expected 13 to 28");
    assert!(error.hint().is_some());
    let error = model.with_metadata("", "value").to_bytes().unwrap_err();
    assert_eq!(error.to_string(), "a metadata key is empty");
}
