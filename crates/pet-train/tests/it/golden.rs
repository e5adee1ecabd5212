//! Where the files of `golden/` are, and how tensors are compared with them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};

pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The tensors of a file that `make_golden.py` wrote.
pub(crate) struct Golden(HashMap<String, Tensor>);

impl Golden {
    pub(crate) fn open(name: &str) -> Self {
        Self(candle_core::safetensors::load(path(name), &Device::Cpu).unwrap())
    }

    pub(crate) fn get(&self, name: &str) -> &Tensor {
        self.0.get(name).unwrap_or_else(|| panic!("the golden file has no `{name}`"))
    }
}

pub(crate) fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// The values' bits, for comparisons that allow no difference.
pub(crate) fn bits(tensor: &Tensor) -> Vec<u32> {
    values(tensor).into_iter().map(f32::to_bits).collect()
}

/// Fails unless the shapes agree and no value differs by more than `tolerance`.
#[track_caller]
pub(crate) fn assert_close(what: &str, got: &Tensor, expected: &Tensor, tolerance: f32) {
    assert_eq!(got.dims(), expected.dims(), "shape of {what}");
    let pairs = values(got).into_iter().zip(values(expected)).enumerate();
    // In this order, a difference that is not a number is the largest.
    let difference = |(got, expected): (f32, f32)| (got - expected).abs();
    let worst = pairs.max_by(|one, other| difference(one.1).total_cmp(&difference(other.1)));
    if let Some((at, (got, expected))) = worst {
        let close = difference((got, expected)) <= tolerance;
        assert!(close, "{what}: value {at} is {got}, expected {expected} within {tolerance}");
    }
}
