//! Hostile bytes: truncated, changed, invented, and messages within messages, as deep as the limit for bytes allows, which
//! are refused before the stack is used up.

use onnx_graph::{Error, Limits, Model};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::every_operator;

/// An eighth of a thread's usual stack. The hundred levels that are read before the rest is refused
/// take more than half of it in a build for tests, which is little optimized.
const STACK: usize = 256 << 10;

/// Large enough for a million levels; the default limit would only make the test take longer.
const BYTES: usize = 32 << 20;

/// A protobuf field of a number.
fn number(field: u8, value: u8) -> Vec<u8> {
    vec![field << 3, value]
}

/// A protobuf field of bytes, a text or a message.
fn nested(field: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    assert!(length < 128, "a longer length takes more than one byte");
    [&[field << 3 | 2, length], content].concat()
}

/// A model whose graph has `graph` besides its name.
fn model_with(graph: &[u8]) -> Vec<u8> {
    let opset = nested(8, &number(2, 18));
    let graph = nested(7, &[nested(2, b"g"), graph.to_vec()].concat());
    [number(1, 8), opset, graph].concat()
}

/// The field of the graph for a tensor `t` of 32-bit numbers, here with one axis.
fn tensor_with(content: &[u8]) -> Vec<u8> {
    nested(5, &[nested(8, b"t"), number(2, 1), content.to_vec()].concat())
}

#[test]
fn every_truncation_is_refused() {
    let bytes = every_operator().unwrap().to_bytes().unwrap();
    let mut refused = 0;
    for length in (0..bytes.len()).step_by(7) {
        match Model::from_bytes(&bytes[..length]) {
            // Metadata stands last, so that a model cut between two entries is a model still.
            Ok(model) => assert!(model.metadata().len() < 2, "cut at {length}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > bytes.len() / 7 - 2, "{refused} of {}", bytes.len() / 7);
}

#[test]
fn bytes_that_are_no_model_are_refused() {
    let error = Model::from_bytes(b"This is a text, not a model.").unwrap_err();
    assert_eq!(error.to_string(), "the bytes are not an ONNX model");
    assert!(std::error::Error::source(&error).is_some());
    assert!(error.hint().is_some());
    let error = Model::from_bytes(b"").unwrap_err();
    assert_eq!(error.to_string(), "the model has no graph");
}

#[test]
fn limits_are_kept() {
    let bytes = every_operator().unwrap().to_bytes().unwrap();
    let error_with = |limits| Model::from_bytes_with(&bytes, &limits).unwrap_err().to_string();
    let few = Limits::default().with_bytes(100);
    let expected = format!("{} bytes exceed the limit of 100", bytes.len());
    assert_eq!(error_with(few), expected);
    let few = Limits::default().with_nodes(3);
    assert_eq!(error_with(few), "16 nodes exceed the limit of 3");
    let few = Limits::default().with_rank(3);
    let expected = "4 axes of value `image` exceed the limit of 3";
    assert_eq!(error_with(few), expected);
}

#[test]
fn tensors_must_hold_what_their_shape_says() {
    let short = tensor_with(&[number(1, 3), nested(9, &[0; 8])].concat());
    let error = Model::from_bytes(&model_with(&short)).unwrap_err();
    assert_eq!(error.to_string(), "tensor `t` of shape [3] takes 12 bytes, got 8");

    // 2^62 elements of 4 bytes: more than can be addressed, and nothing is allocated for them.
    let huge = [8, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40];
    let error = Model::from_bytes(&model_with(&tensor_with(&huge))).unwrap_err();
    assert!(matches!(error, Error::TensorLength { .. }), "{error}");

    let negative = [8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    let error = Model::from_bytes(&model_with(&tensor_with(&negative))).unwrap_err();
    assert_eq!(error.to_string(), "tensor `t` has extent -1, which is not supported");
}

#[test]
fn tensors_in_fields_of_numbers_are_read() {
    let packed = [1.0_f32.to_le_bytes(), 2.5_f32.to_le_bytes()].concat();
    let tensor = tensor_with(&[number(1, 2), nested(4, &packed)].concat());
    let node = nested(1, &[nested(1, b"t"), nested(2, b"y"), nested(4, b"Relu")].concat());
    let elements = number(1, 1);
    let shape = nested(2, &nested(1, &number(1, 2)));
    let kind = nested(2, &nested(1, &[elements, shape].concat()));
    let output = nested(12, &[nested(1, b"y"), kind].concat());
    let model = Model::from_bytes(&model_with(&[tensor, node, output].concat())).unwrap();
    let tensor = model.graph().find_initializer("t").unwrap();
    assert_eq!(tensor.values::<f32>().unwrap(), [1.0, 2.5]);
    assert_eq!(model.graph().outputs()[0].to_string(), "y: f32[2]");
}

#[test]
fn what_cannot_be_held_is_named() {
    let external = tensor_with(&[number(14, 1), nested(13, &nested(1, b"location"))].concat());
    let error = Model::from_bytes(&model_with(&external)).unwrap_err();
    assert_eq!(error.to_string(), "tensor `t` has external data, which is not supported");
    assert!(error.hint().is_some());

    let subgraph = nested(5, &[nested(1, b"body"), vec![0xa0, 1, 5]].concat());
    let node = nested(1, &[nested(3, b"loop"), nested(4, b"Loop"), subgraph].concat());
    let error = Model::from_bytes(&model_with(&node)).unwrap_err();
    let expected = "node `loop` has attribute `body` of type `GRAPH`, which is not supported";
    assert_eq!(error.to_string(), expected);

    let node = nested(1, &[nested(4, b"Gelu"), nested(7, b"com.example")].concat());
    let error = Model::from_bytes(&model_with(&node)).unwrap_err();
    let expected = "node `` has operator domain `com.example`, which is not supported";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn nodes_out_of_order_are_refused() {
    let node = nested(1, &[nested(1, b"later"), nested(2, b"y"), nested(4, b"Relu")].concat());
    let error = Model::from_bytes(&model_with(&node)).unwrap_err();
    let expected = "node `y` (Relu) uses value `later`, which nothing before it defines";
    assert_eq!(error.to_string(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Model::from_bytes(&bytes);
    }

    #[test]
    fn changed_models_never_panic(
        changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = every_operator().unwrap().to_bytes().unwrap();
        for (index, value) in changes {
            let place = index.index(bytes.len());
            bytes[place] = value;
        }
        // What is still a model is one that can be written and read again.
        if let Ok(model) = Model::from_bytes(&bytes) {
            let again = Model::from_bytes(&model.to_bytes().unwrap()).unwrap();
            prop_assert_eq!(again.to_bytes().unwrap(), model.to_bytes().unwrap());
        }
    }
}

/// Length-delimited messages around each other, the innermost empty, in about `BYTES` bytes: field
/// `outermost`, within it one round of `fields` after the other.
fn deepest(outermost: u8, fields: &[u8]) -> Vec<u8> {
    // From the inside out and backwards, so that nothing is moved.
    let mut reversed = Vec::with_capacity(BYTES);
    while reversed.len() < BYTES - 100 {
        for field in fields.iter().rev() {
            wrap(&mut reversed, *field);
        }
    }
    wrap(&mut reversed, outermost);
    reversed.reverse();
    reversed
}

fn wrap(reversed: &mut Vec<u8>, field: u8) {
    let mut head = vec![field << 3 | 2];
    let mut length = reversed.len();
    while length >= 0x80 {
        head.push(length as u8 | 0x80);
        length >>= 7;
    }
    head.push(length as u8);
    reversed.extend(head.iter().rev());
}

fn read_on_a_small_stack(bytes: Vec<u8>) -> Result<Model, Error> {
    let read = move || Model::from_bytes_with(&bytes, &Limits::default().with_bytes(BYTES));
    let thread = std::thread::Builder::new().stack_size(STACK);
    thread.spawn(read).unwrap().join().unwrap()
}

#[test]
fn the_deepest_models_are_refused() {
    let subgraphs = deepest(7, &[1, 5, 6]);
    let lists_of_subgraphs = deepest(7, &[1, 5, 11]);
    // `graph.input.type`, then `sequence_type.elem_type` again and again.
    let mut sequences = deepest(2, &[4, 1]);
    sequences.reverse();
    wrap(&mut sequences, 11);
    wrap(&mut sequences, 7);
    sequences.reverse();
    // The start of a group in a field that ONNX does not have, never ended.
    let groups = [0xa3, 0x06].repeat(BYTES / 2);
    for bytes in [subgraphs, lists_of_subgraphs, sequences, groups] {
        let error = read_on_a_small_stack(bytes).unwrap_err();
        assert!(matches!(error, Error::Decode { .. }), "{error}");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("recursion limit reached"), "{cause}");
    }
}
