//! Messages within messages, as deep as the limit for bytes allows: they are refused before the
//! stack is used up.

use onnx_graph::{Error, Limits, Model};

/// An eighth of a thread's usual stack. The hundred levels that are read before the rest is refused
/// take more than half of it in a build for tests, which is little optimized.
const STACK: usize = 256 << 10;

/// Large enough for a million levels; the default limit would only make the test take longer.
const BYTES: usize = 32 << 20;

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
