//! The files of `golden/`, tensors that `golden/make_golden.py` makes as well, bit for bit, so that they need no files, and
//! how tensors are compared.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use pet_train::Weights;
use pet_train::network::Architecture;

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

/// Numbers in [-1, 1) from a hash of `seed` and index.
///
/// A hash and not, say, a sine of the index: matrices made of sines have rank two, and many
/// mistakes do not show in them.
pub(crate) fn noise(seed: u32, shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count as u32).map(|at| hashed(seed, at)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn hashed(seed: u32, at: u32) -> f32 {
    let mut hash = at.wrapping_mul(0x9E37_79B1).wrapping_add(seed.wrapping_mul(0x85EB_CA77));
    for (shift, factor) in [(15, 0x2C1B_3C6D), (12, 0x297A_2D39), (15, 1)] {
        hash = (hash ^ (hash >> shift)).wrapping_mul(factor);
    }
    // 24 bits fit a float exactly.
    (hash >> 8) as f32 / (1 << 23) as f32 - 1.0
}

/// MobileNetV2's tensors in torchvision's order, with their shapes.
pub(crate) fn backbone_tensors() -> Vec<(String, Vec<usize>)> {
    Architecture::standard().tensors().collect()
}

/// Weights of MobileNetV2 that keep activations alive through all layers.
pub(crate) fn weights() -> Weights {
    weights_of(Architecture::standard())
}

/// Weights that keep activations alive through all layers, as He et al. 2015 scale them.
pub(crate) fn weights_of(network: &Architecture) -> Weights {
    let tensors = network.tensors().zip(0..).map(|((name, shape), seed)| {
        let values = noise(seed, &shape);
        let tensor = if let [_, inputs, height, width] = *shape {
            let scale = (6.0 / (inputs * height * width) as f64).sqrt() as f32;
            values.broadcast_mul(&Tensor::new(scale, &Device::Cpu).unwrap()).unwrap()
        } else if name.ends_with("running_var") {
            values.affine(0.5, 1.0).unwrap()
        } else if name.ends_with("weight") {
            values.affine(0.25, 1.0).unwrap()
        } else {
            values.affine(0.25, 0.0).unwrap()
        };
        (name, tensor)
    });
    Weights::from_tensors(tensors)
}

/// A picture of grey levels from -2 to 2 as integers give them, one ring offset per plane.
pub(crate) fn rings(size: usize) -> Tensor {
    let mut values = Vec::with_capacity(3 * size * size);
    for plane in 0..3 {
        for y in 0..size {
            for x in 0..size {
                let level = ((x * x + 2 * y * y) / 64 + 80 * plane) % 256;
                values.push(level as f32 / 64.0 - 2.0);
            }
        }
    }
    Tensor::from_vec(values, (1, 3, size, size), &Device::Cpu).unwrap()
}
