//! Named tensors, and the files that they come from.

mod format;
mod naming;

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::mobilenet::{FEATURES, Layer, blocks};

/// The classifier's weight, `[classes, 1280]`.
pub(crate) const HEAD_WEIGHT: &str = "classifier.1.weight";
/// The classifier's bias, `[classes]`.
pub(crate) const HEAD_BIAS: &str = "classifier.1.bias";

/// MobileNetV2's tensors under torchvision's names, all `f32` on the CPU.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    /// Reads ImageNet weights from a legacy `.pt`, a `.pth` or a `.safetensors` file, told apart by content.
    ///
    /// Tensor names may be torchvision's or those of the earlier public implementation
    /// (`features.2.conv.3.weight`), each behind the `module.` or `_orig_mod.` of PyTorch's wrappers; a classifier may be
    /// present or not. Values may be of any float type, `f16` and `bf16` included.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is none of these; [`Error::TensorNames`] when tensors are missing or
    /// surplus, [`Error::TensorShape`] when one is not what MobileNetV2 has, [`Error::WeightNotFinite`] when one holds
    /// something that is not a number.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let tensors = naming::without_wrappers(format::read(path)?);
        let weights = Self {
            tensors: naming::to_torchvision(tensors),
        };
        weights.check(path)?;
        Ok(weights)
    }

    /// Weights from named tensors, without any check of the names.
    pub fn from_tensors(tensors: impl IntoIterator<Item = (String, Tensor)>) -> Self {
        Self {
            tensors: tensors.into_iter().collect(),
        }
    }

    /// The tensor `name`.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] when there is none, [`Error::TensorShape`] when it is not of `shape`.
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<&Tensor, Error> {
        let missing = || Error::MissingTensor { name: name.into() };
        let tensor = self.tensors.get(name).ok_or_else(missing)?;
        if tensor.dims() != shape {
            return Err(Error::TensorShape {
                name: name.into(),
                expected: shape.to_vec(),
                got: tensor.dims().to_vec(),
            });
        }
        Ok(tensor)
    }

    /// All tensors by name.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Tensor)> {
        self.tensors.iter()
    }

    /// The backbone alone, without a classifier.
    #[must_use]
    pub fn without_head(mut self) -> Self {
        self.tensors.retain(|name, _| !is_head(name));
        self
    }

    /// The same backbone with this classifier: `weight` `[classes, 1280]`, `bias` `[classes]`.
    #[must_use]
    pub fn with_head(mut self, weight: Tensor, bias: Tensor) -> Self {
        self.tensors
            .extend([(HEAD_WEIGHT.into(), weight), (HEAD_BIAS.into(), bias)]);
        self
    }

    /// The same with `tensors` in place of those of their names.
    #[must_use]
    pub(crate) fn with_tensors(
        mut self,
        tensors: impl IntoIterator<Item = (String, Tensor)>,
    ) -> Self {
        self.tensors.extend(tensors);
        self
    }

    /// The classifier's weight and bias.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] or [`Error::TensorShape`] when there is no classifier for `classes` classes.
    pub fn head(&self, classes: usize) -> Result<(&Tensor, &Tensor), Error> {
        Ok((
            self.get(HEAD_WEIGHT, &[classes, FEATURES])?,
            self.get(HEAD_BIAS, &[classes])?,
        ))
    }

    /// The tensors as a `.safetensors` file. Equal weights give equal bytes.
    ///
    /// # Errors
    ///
    /// When a tensor cannot be read back from candle.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, Error> {
        format::to_safetensors(&self.tensors)
    }

    /// SHA-256 over names, shapes and values, in hexadecimal.
    ///
    /// # Errors
    ///
    /// When a tensor cannot be read back from candle.
    pub fn digest(&self) -> Result<String, Error> {
        let mut digest = Sha256::new();
        for (name, tensor) in &self.tensors {
            digest.update(format!("{name} {:?}\n", tensor.dims()));
            for value in tensor
                .to_dtype(DType::F32)?
                .flatten_all()?
                .to_vec1::<f32>()?
            {
                digest.update(value.to_le_bytes());
            }
        }
        Ok(format!("{:x}", digest.finalize()))
    }

    /// Random weights for tests and examples: small, of the right shapes, the same for the same `seed`.
    ///
    /// # Errors
    ///
    /// When candle cannot make a tensor.
    pub fn random(seed: u64) -> Result<Self, Error> {
        use rand::{Rng, SeedableRng};
        let mut generator = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let mut tensors = BTreeMap::new();
        for (name, shape) in expected_tensors() {
            let count: usize = shape.iter().product();
            let scale = (2.0 / shape.iter().skip(1).product::<usize>() as f32).sqrt();
            let sample = |_| match name.rsplit('.').next() {
                Some("running_var") => generator.random_range(0.5..1.5),
                Some("weight") if shape.len() == 1 => generator.random_range(0.5..1.5),
                Some("weight") => scale * 1.7 * generator.random_range(-1.0..1.0),
                _ => generator.random_range(-0.5..0.5),
            };
            let values: Vec<f32> = (0..count).map(sample).collect();
            tensors.insert(name, Tensor::from_vec(values, shape, &Device::Cpu)?);
        }
        Ok(Self { tensors })
    }

    fn check(&self, path: &Path) -> Result<(), Error> {
        let expected: BTreeMap<String, Vec<usize>> = expected_tensors().collect();
        let missing: Vec<String> = expected
            .keys()
            .filter(|name| !self.tensors.contains_key(*name))
            .cloned()
            .collect();
        let surplus: Vec<String> = self
            .tensors
            .keys()
            .filter(|name| !expected.contains_key(*name) && !is_head(name))
            .cloned()
            .collect();
        if !missing.is_empty() || !surplus.is_empty() {
            return Err(Error::TensorNames {
                path: path.to_owned(),
                missing,
                surplus,
            });
        }
        for (name, shape) in &expected {
            check_finite(path, name, self.get(name, shape)?)?;
        }
        Ok(())
    }
}

/// Training on a weight that is not a number would only end after the first epoch, as if the step size were wrong.
fn check_finite(path: &Path, name: &str, tensor: &Tensor) -> Result<(), Error> {
    let values = tensor.flatten_all()?.to_vec1::<f32>()?;
    match values.into_iter().find(|value| !value.is_finite()) {
        Some(value) => Err(Error::WeightNotFinite {
            path: path.to_owned(),
            name: name.to_owned(),
            value,
        }),
        None => Ok(()),
    }
}

fn is_head(name: &str) -> bool {
    name.starts_with("classifier.")
}

/// Names and shapes of the backbone's tensors.
fn expected_tensors() -> impl Iterator<Item = (String, Vec<usize>)> {
    blocks()
        .into_iter()
        .flat_map(|block| block.layers)
        .flat_map(|layer| layer_tensors(&layer))
}

fn layer_tensors(layer: &Layer) -> Vec<(String, Vec<usize>)> {
    let convolution = format!("{}.weight", layer.convolution_name);
    let norm = ["weight", "bias", "running_mean", "running_var"];
    let norm = norm.map(|part| (format!("{}.{part}", layer.norm_name), vec![layer.outputs]));
    std::iter::once((convolution, layer.weight_shape().to_vec()))
        .chain(norm)
        .collect()
}
