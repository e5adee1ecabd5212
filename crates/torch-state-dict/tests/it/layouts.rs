//! Every way of writing the same tensors gives the same tensors.

use serde_json::Value;
use torch_state_dict::{StateDict, TensorView};

use crate::{fixture, fixture_path, read};

fn expected() -> serde_json::Map<String, Value> {
    serde_json::from_slice(&fixture("expected.json")).unwrap()
}

/// As the file holds them; `f32` holds every value of its tensors but those of `float64`.
fn assert_values(tensor: TensorView<'_>, expected: &[Value], name: &str) {
    if let Ok(integers) = tensor.to_i64() {
        let expected: Vec<i64> = expected.iter().map(|value| value.as_i64().unwrap()).collect();
        assert_eq!(integers, expected, "{name}");
    } else {
        let rounded = |value: &Value| value.as_f64().unwrap() as f32;
        let expected: Vec<f32> = expected.iter().map(rounded).collect();
        assert_eq!(tensor.to_f32().unwrap(), expected, "{name}");
    }
}

fn assert_is_expected(state_dict: &StateDict) {
    let expected = expected();
    assert_eq!(state_dict.len(), expected.len());
    for (name, description) in &expected {
        let tensor = state_dict.tensor(name).unwrap();
        let shape: Vec<Value> = tensor.shape().iter().map(|size| Value::from(*size)).collect();
        assert_eq!(Value::from(shape), description["shape"], "{name}");
        assert_eq!(tensor.data_type().to_string(), description["dtype"], "{name}");
        assert_values(tensor, description["values"].as_array().unwrap(), name);
    }
}

#[test]
fn the_legacy_layout_is_read() {
    assert_is_expected(&read(&fixture("legacy.pt")).unwrap());
}

#[test]
fn the_zip_layout_is_read() {
    assert_is_expected(&read(&fixture("zip.pt")).unwrap());
}

#[test]
fn a_compressed_archive_is_read() {
    assert_is_expected(&read(&fixture("deflated.pt")).unwrap());
}

#[test]
fn a_file_is_opened() {
    let state_dict = StateDict::open(fixture_path("zip.pt")).unwrap();
    assert_is_expected(&state_dict);
}

#[test]
fn tensors_come_in_the_order_of_the_file() {
    let state_dict = read(&fixture("legacy.pt")).unwrap();
    let names: Vec<&str> = state_dict.iter().map(|(name, _)| name).collect();
    assert_eq!(names[..4], ["layer.weight", "layer.tied", "half", "brain"]);
    assert_eq!(names.last(), Some(&"größe"));
}

#[test]
fn values_come_with_their_shape() {
    let state_dict = read(&fixture("zip.pt")).unwrap();
    let (shape, values) = state_dict.f32("sliced").unwrap();
    assert_eq!(shape, [2, 2]);
    assert_eq!(values, [5.0 / 8.0, 7.0 / 8.0, 9.0 / 8.0, 11.0 / 8.0]);
    assert_eq!(state_dict.i64("batches").unwrap(), (vec![], vec![(1 << 40) + 1]));
    assert_eq!(state_dict.i64("bool").unwrap(), (vec![2, 1], vec![1, 0]));
    assert_eq!(state_dict.f32("empty").unwrap(), (vec![0, 3], vec![]));
}

#[test]
fn byte_orders_give_the_same_values() {
    for name in ["plain.pt", "big_endian.pt", "no_byte_order.pt"] {
        let state_dict = read(&fixture(name)).unwrap();
        let values = state_dict.f32("a").unwrap();
        assert_eq!(values, (vec![2, 2], vec![1.0, 2.0, 3.0, 4.0]), "{name}");
        assert_eq!(state_dict.f32("b").unwrap(), (vec![1], vec![0.1]), "{name}");
    }
}

#[test]
fn pairs_and_version_1_tensors_are_read() {
    let state_dict = read(&fixture("pairs.pt")).unwrap();
    assert_eq!(state_dict.f32("a").unwrap(), (vec![2, 2], vec![1.0, 2.0, 3.0, 4.0]));
    assert_eq!(state_dict.f32("column").unwrap(), (vec![2], vec![2.0, 4.0]));
}

#[test]
fn the_state_dict_of_a_checkpoint_is_read() {
    let plain = read(&fixture("plain.pt")).unwrap();
    for name in ["checkpoint.pt", "checkpoint_legacy.pt"] {
        let state_dict = read(&fixture(name)).unwrap();
        assert_eq!(state_dict.len(), 2, "{name}");
        for (tensor, _) in &plain {
            assert_eq!(state_dict.f32(tensor).unwrap(), plain.f32(tensor).unwrap());
        }
    }
}
