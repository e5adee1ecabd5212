//! Weights: named tensors, and reading them from files.

mod file;

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use safetensors::Dtype;
use sha2::{Digest, Sha256};

use crate::architecture::{Architecture, FEATURES, Layer};
use crate::{Error, tensor_file};

/// The tensors of a network by the names of its [`Architecture`], all `f32` on the CPU.
#[derive(Clone, Debug)]
pub struct Weights {
    architecture: &'static Architecture,
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    /// Reads weights from a legacy `.pt`, a `.pth` or a `.safetensors` file, detected by content.
    ///
    /// The network is detected by the names and shapes of the tensors. For MobileNetV2, the names of torchvision and of
    /// the earlier public implementation (`features.2.conv.3.weight`) are supported. The prefixes `module.` and
    /// `_orig_mod.` of PyTorch's wrappers are removed. A head is optional. Values can have any float type, including
    /// `f16` and `bf16`.
    ///
    /// # Errors
    ///
    /// [`Error::TensorNames`] for missing or surplus tensors, [`Error::TensorShape`] for a wrong shape,
    /// [`Error::WeightNotFinite`] for a value that is not finite, and errors of reading the file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let weights = Self::from_tensors(file::read(path)?);
        weights.check(path)?;
        Ok(weights)
    }

    /// Creates weights from named tensors without checks. The network is the one with the most of these tensors.
    pub fn from_tensors(tensors: impl IntoIterator<Item = (String, Tensor)>) -> Self {
        let tensors: BTreeMap<String, Tensor> = tensors.into_iter().collect();
        Self {
            architecture: Architecture::closest(|name| tensors.get(name).map(Tensor::dims)),
            tensors,
        }
    }

    /// The architecture of the network.
    pub fn architecture(&self) -> &'static Architecture {
        self.architecture
    }

    /// The tensor `name` of the given shape.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] if there is none, [`Error::TensorShape`] if it has another shape.
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

    /// Removes the head.
    #[must_use]
    pub fn without_head(mut self) -> Self {
        let architecture = self.architecture;
        self.tensors.retain(|name, _| !is_head(architecture, name));
        self
    }

    /// Sets the head: `weight` `[classes, 1280]`, `bias` `[classes]`.
    #[must_use]
    pub fn with_head(mut self, weight: Tensor, bias: Tensor) -> Self {
        let head = [("weight", weight), ("bias", bias)];
        let head = head.map(|(part, tensor)| (self.head_name(part), tensor));
        self.tensors.extend(head);
        self
    }

    /// Replaces tensors by name.
    #[must_use]
    pub(crate) fn with_tensors(
        mut self,
        tensors: impl IntoIterator<Item = (String, Tensor)>,
    ) -> Self {
        self.tensors.extend(tensors);
        self
    }

    /// The weight and bias of the head.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] or [`Error::TensorShape`] if there is no head for `classes` classes.
    pub fn head(&self, classes: usize) -> Result<(&Tensor, &Tensor), Error> {
        Ok((
            self.get(&self.head_name("weight"), &[classes, FEATURES])?,
            self.get(&self.head_name("bias"), &[classes])?,
        ))
    }

    fn head_name(&self, part: &str) -> String {
        format!("{}.{part}", self.architecture.head)
    }

    /// The weight of a layer's convolution, `[window · inputs, outputs]`.
    pub(crate) fn convolution(&self, layer: &Layer) -> Result<Vec<f32>, Error> {
        let name = format!("{}.weight", layer.convolution_name);
        let weight = self.get(&name, &layer.weight_shape())?;
        Ok(transposed(&weight.flatten_from(1)?)?)
    }

    /// A tensor of a layer's batch normalization, `[outputs]`.
    pub(crate) fn norm(&self, layer: &Layer, part: &str) -> Result<Vec<f32>, Error> {
        let tensor = self.get(&format!("{}.{part}", layer.norm_name), &[layer.outputs])?;
        Ok(tensor.to_vec1()?)
    }

    /// σ = √(variance + ε) of a layer's batch normalization, `[outputs]`.
    pub(crate) fn deviation(&self, layer: &Layer) -> Result<Vec<f32>, Error> {
        let variances = self.norm(layer, "running_var")?.into_iter();
        let deviation = |variance| (f64::from(variance) + layer.epsilon).sqrt() as f32;
        Ok(variances.map(deviation).collect())
    }

    /// Encodes the tensors as a `.safetensors` file. The output is deterministic.
    ///
    /// # Errors
    ///
    /// If candle cannot read a tensor.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, Error> {
        let mut encoded = Vec::new();
        for tensor in self.tensors.values() {
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            encoded.push(tensor_file::le_bytes(&values).collect::<Vec<u8>>());
        }
        let entries = self.tensors.iter().zip(&encoded).map(|((name, tensor), bytes)| {
            (name.as_str(), Dtype::F32, tensor.dims().to_vec(), bytes.as_slice())
        });
        tensor_file::encode(entries, None)
    }

    /// SHA-256 of names, shapes and values, in hexadecimal.
    ///
    /// # Errors
    ///
    /// If candle cannot read a tensor.
    pub fn digest(&self) -> Result<String, Error> {
        let mut digest = Sha256::new();
        for (name, tensor) in &self.tensors {
            digest.update(format!("{name} {:?}\n", tensor.dims()));
            for value in tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()? {
                digest.update(value.to_le_bytes());
            }
        }
        Ok(format!("{:x}", digest.finalize()))
    }

    /// Random weights of MobileNetV2 for tests and examples, determined by `seed`.
    ///
    /// # Errors
    ///
    /// If candle cannot create a tensor.
    pub fn random(seed: u64) -> Result<Self, Error> {
        Self::random_of(Architecture::standard(), seed)
    }

    /// Random weights of another network, determined by `seed`.
    ///
    /// # Errors
    ///
    /// If candle cannot create a tensor.
    pub fn random_of(architecture: &'static Architecture, seed: u64) -> Result<Self, Error> {
        use rand::{Rng, SeedableRng};
        let mut generator = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let mut tensors = BTreeMap::new();
        for (name, shape) in architecture.tensors() {
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
        Ok(Self { architecture, tensors })
    }

    fn check(&self, path: &Path) -> Result<(), Error> {
        let expected: BTreeMap<String, Vec<usize>> = self.architecture.tensors().collect();
        let missing: Vec<String> =
            expected.keys().filter(|name| !self.tensors.contains_key(*name)).cloned().collect();
        let surplus: Vec<String> = self
            .tensors
            .keys()
            .filter(|name| !expected.contains_key(*name) && !is_head(self.architecture, name))
            .cloned()
            .collect();
        if !missing.is_empty() || !surplus.is_empty() {
            return Err(Error::TensorNames {
                path: path.to_owned(),
                network: self.architecture.title,
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

/// Checked here because training would only notice it after the first epoch, as a divergence.
fn check_finite(path: &Path, name: &str, tensor: &Tensor) -> Result<(), Error> {
    let values = tensor.flatten_all()?.to_vec1::<f32>()?;
    match values.into_iter().find(|value| !value.is_finite()) {
        Some(value) => {
            Err(Error::WeightNotFinite { path: path.to_owned(), name: name.to_owned(), value })
        }
        None => Ok(()),
    }
}

fn is_head(architecture: &Architecture, name: &str) -> bool {
    let part = name.strip_prefix(architecture.head);
    part.is_some_and(|part| part.starts_with('.'))
}

/// The values of a matrix, column by column.
pub(crate) fn transposed(matrix: &Tensor) -> candle_core::Result<Vec<f32>> {
    matrix.t()?.contiguous()?.flatten_all()?.to_vec1()
}
