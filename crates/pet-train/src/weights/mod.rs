//! Named tensors, and the files that they come from.

mod format;
mod naming;

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::network::{Architecture, FEATURES, Layer};

/// A network's tensors under the names that [`Architecture`] has for them, all `f32` on the CPU.
#[derive(Clone, Debug)]
pub struct Weights {
    architecture: &'static Architecture,
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    /// Reads ImageNet weights from a legacy `.pt`, a `.pth` or a `.safetensors` file, told apart by content.
    ///
    /// The network is recognized by its tensors' names and shapes. Those of MobileNetV2 may be torchvision's or those of
    /// the earlier public implementation (`features.2.conv.3.weight`), each name behind the `module.` or `_orig_mod.` of
    /// PyTorch's wrappers; a classifier may be present or not. Values may be of any float type, `f16` and `bf16` included.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is none of these; [`Error::TensorNames`] when tensors are missing or
    /// surplus, [`Error::TensorShape`] when one is not what the network has, [`Error::WeightNotFinite`] when one holds
    /// something that is not a number.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let tensors = naming::without_wrappers(format::read(path)?);
        let weights = Self::from_tensors(naming::to_torchvision(tensors));
        weights.check(path)?;
        Ok(weights)
    }

    /// Weights from named tensors, without any check of the names: the network is the one that most of them belong to.
    pub fn from_tensors(tensors: impl IntoIterator<Item = (String, Tensor)>) -> Self {
        let tensors: BTreeMap<String, Tensor> = tensors.into_iter().collect();
        Self {
            architecture: Architecture::closest(|name| tensors.get(name).map(Tensor::dims)),
            tensors,
        }
    }

    /// The network that they are of.
    pub fn architecture(&self) -> &'static Architecture {
        self.architecture
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
        let architecture = self.architecture;
        self.tensors.retain(|name, _| !is_head(architecture, name));
        self
    }

    /// The same backbone with this classifier: `weight` `[classes, 1280]`, `bias` `[classes]`.
    #[must_use]
    pub fn with_head(mut self, weight: Tensor, bias: Tensor) -> Self {
        let head = [("weight", weight), ("bias", bias)];
        let head = head.map(|(part, tensor)| (self.head_name(part), tensor));
        self.tensors.extend(head);
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
        Ok(turned(&weight.flatten_from(1)?)?)
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

    /// Random weights of MobileNetV2 for tests and examples: small, of the right shapes, the same for the same `seed`.
    ///
    /// # Errors
    ///
    /// When candle cannot make a tensor.
    pub fn random(seed: u64) -> Result<Self, Error> {
        Self::random_of(Architecture::standard(), seed)
    }

    /// The same of another network.
    ///
    /// # Errors
    ///
    /// When candle cannot make a tensor.
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
        Ok(Self {
            architecture,
            tensors,
        })
    }

    fn check(&self, path: &Path) -> Result<(), Error> {
        let expected: BTreeMap<String, Vec<usize>> = self.architecture.tensors().collect();
        let missing: Vec<String> = expected
            .keys()
            .filter(|name| !self.tensors.contains_key(*name))
            .cloned()
            .collect();
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

fn is_head(architecture: &Architecture, name: &str) -> bool {
    let part = name.strip_prefix(architecture.head);
    part.is_some_and(|part| part.starts_with('.'))
}

/// The values of a matrix, column after column.
pub(crate) fn turned(matrix: &Tensor) -> candle_core::Result<Vec<f32>> {
    matrix.t()?.contiguous()?.flatten_all()?.to_vec1()
}
