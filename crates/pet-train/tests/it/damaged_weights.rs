//! What is wrong with a file of weights, and that the error says so.

use std::error::Error as _;
use std::path::Path;

use candle_core::{Device, Tensor};
use pet_train::{Error, Weights};
use safetensors::tensor::{Dtype, TensorView};

use crate::golden;
use crate::weights::{
    Tensors, file_with, legacy_file, open_bytes, open_tensors, sequential_name, tensors,
};

/// Random weights with one tensor changed or, where `change` gives nothing, left out.
fn changed(name: &str, change: impl Fn(&Tensor) -> Option<Tensor>) -> Tensors {
    let weights = tensors(&Weights::random(1).unwrap());
    assert!(weights.iter().any(|(other, _)| other == name), "`{name}` is a tensor of the network");
    let changed = weights.into_iter().filter_map(|(other, tensor)| {
        let tensor = if other == name { change(&tensor)? } else { tensor };
        Some((other, tensor))
    });
    changed.collect()
}

/// All messages of an error and its causes.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[track_caller]
fn assert_names(error: &Error, path: &Path) {
    let text = chain(error);
    assert!(text.contains(&path.display().to_string()), "`{text}` does not name the file");
}

#[test]
fn a_missing_tensor_is_named() {
    for name in ["features.0.0.weight", "features.7.conv.1.1.running_mean", "features.18.1.bias"] {
        match open_tensors(changed(name, |_| None)).unwrap_err() {
            Error::TensorNames { missing, surplus, .. } => {
                assert_eq!((missing, surplus), (vec![name.to_owned()], vec![]));
            }
            error => panic!("{error}"),
        }
    }
}

#[test]
fn a_surplus_tensor_is_named() {
    for name in ["features.19.0.weight", "features.1.conv.3.weight", "surprise"] {
        let mut tensors = tensors(&Weights::random(1).unwrap());
        tensors.push((name.into(), Tensor::new(&[1f32], &Device::Cpu).unwrap()));
        match open_tensors(tensors).unwrap_err() {
            Error::TensorNames { missing, surplus, .. } => {
                assert_eq!((missing, surplus), (vec![], vec![name.to_owned()]));
            }
            error => panic!("{error}"),
        }
    }
}

#[test]
fn a_file_with_both_schemes_of_names_is_refused() {
    let mut both = tensors(&Weights::random(1).unwrap());
    let other = tensors(&Weights::random(2).unwrap()).into_iter();
    let other = other.map(|(name, tensor)| (sequential_name(&name), tensor));
    both.extend(other.filter(|(name, _)| name.contains(".conv.")));
    let error = open_tensors(both).unwrap_err();
    assert!(matches!(error, Error::TensorNames { .. }), "{error}");
}

#[test]
fn another_network_is_refused_in_a_short_message() {
    let tensor = Tensor::new(&[1f32], &Device::Cpu).unwrap();
    let tensors = (0..500).map(|at| (format!("layer{at}.weight"), tensor.clone())).collect();
    let error = open_tensors(tensors).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("missing `features.0.0.weight`"), "{message}");
    assert!(message.contains("`layer0.weight`") && message.contains("497 more"), "{message}");
    assert!(message.len() < 500, "{message}");
    assert!(error.hint().unwrap().contains("MobileNetV2"));
}

#[test]
fn a_tensor_of_another_shape_is_named() {
    let name = "features.4.conv.1.0.weight";
    let flat = changed(name, |tensor| Some(tensor.flatten_all().unwrap()));
    match open_tensors(flat).unwrap_err() {
        Error::TensorShape { name: got_name, expected, got } => {
            assert_eq!(got_name, name);
            assert_eq!((expected, got), (vec![144, 1, 3, 3], vec![1296]));
        }
        error => panic!("{error}"),
    }
}

#[test]
fn a_tensor_of_another_type_is_named() {
    let weights = tensors(&Weights::random(1).unwrap());
    let data: Vec<_> = weights
        .iter()
        .map(|(name, tensor)| {
            let width = if name == "features.0.1.bias" { 8 } else { 4 };
            (name, tensor.dims().to_vec(), vec![0; tensor.elem_count() * width])
        })
        .collect();
    let views = data.iter().map(|(name, shape, bytes)| {
        let dtype = if *name == "features.0.1.bias" { Dtype::I64 } else { Dtype::F32 };
        (name.as_str(), TensorView::new(dtype, shape.clone(), bytes).unwrap())
    });
    let error = open_bytes(&safetensors::serialize(views, None).unwrap()).unwrap_err();
    let expected = "tensor `features.0.1.bias` has type `I64`, expected `F16, BF16, F32 or F64`";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn cut_files_are_refused() {
    let safetensors = Weights::random(1).unwrap().to_safetensors().unwrap();
    let pth = fs_err::read(golden::path("weights_grouped.pth")).unwrap();
    for bytes in [safetensors, pth, legacy_file()] {
        let length = bytes.len();
        for kept in [1, 7, 8, 9, 100, length / 3, length / 2, length - 5, length - 1] {
            let file = file_with(&bytes[..kept]);
            let error = Weights::open(file.path()).expect_err("a cut file should be refused");
            assert_names(&error, file.path());
        }
    }
}

#[test]
fn what_is_no_file_of_weights_is_refused() {
    let huge_header = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    let broken_header = [&16_u64.to_le_bytes()[..], b"{\"a\": not json.."].concat();
    let zeros = vec![0; 4096];
    let text = b"This is not a file of weights but a letter to a cat.\n".to_vec();
    for bytes in [vec![], text, zeros, huge_header, broken_header, b"PK\x03\x04".to_vec()] {
        let file = file_with(&bytes);
        let error = Weights::open(file.path()).expect_err("this should be refused");
        assert_names(&error, file.path());
        assert!(error.hint().is_some(), "{error}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("missing.pt"), folder.path().to_owned()] {
        assert_names(&Weights::open(&path).unwrap_err(), &path);
    }
}
