//! State dicts, their tensors and the tensors' values.

use std::collections::HashMap;
use std::fmt;
use std::io::Read;
use std::path::Path;

use half::{bf16, f16};

use crate::data_type::DataType;
use crate::format::{self, Tensor};
use crate::{Error, Limits};

/// The tensors of a file written by `torch.save(model.state_dict(), path)`, in the file's order.
///
/// Training checkpoints can be read if their state dict is below `state_dict`, `model_state_dict` or
/// `model`; their other content is ignored. [`without_prefix`](Self::without_prefix) removes the
/// `module.` that `torch.nn.DataParallel` adds to names.
///
/// The data is owned: nothing refers to the bytes it was read from.
#[derive(Clone)]
pub struct StateDict {
    tensors: Vec<Tensor>,
    positions: HashMap<String, usize>,
    /// Little-endian elements, one for each storage.
    storages: Vec<Vec<u8>>,
}

impl StateDict {
    /// Reads the file at `path` within the default [`Limits`].
    ///
    /// # Errors
    ///
    /// As [`open_with`](Self::open_with).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with(path, &Limits::default())
    }

    /// Reads the file at `path`; see [`from_bytes_with`](Self::from_bytes_with).
    ///
    /// # Errors
    ///
    /// [`Error::Read`] where the file cannot be read, otherwise those of
    /// [`from_bytes_with`](Self::from_bytes_with).
    pub fn open_with(path: impl AsRef<Path>, limits: &Limits) -> Result<Self, Error> {
        let file = fs_err::File::open(path.as_ref()).map_err(Error::Read)?;
        limits.check_file(file.metadata().map_err(Error::Read)?.len())?;
        let mut bytes = Vec::new();
        // The file may grow between the check and the end of reading.
        let mut bounded = file.take(limits.file_bytes.saturating_add(1));
        bounded.read_to_end(&mut bytes).map_err(Error::Read)?;
        Self::from_bytes_with(&bytes, limits)
    }

    /// Reads a state dict within the default [`Limits`].
    ///
    /// # Errors
    ///
    /// As [`from_bytes_with`](Self::from_bytes_with).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_bytes_with(bytes, &Limits::default())
    }

    /// Reads a state dict in either layout of `torch.save`, detected by content.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownFormat`] for other content; [`Error::Global`] and [`Error::Opcode`] where
    /// the pickle uses more than a state dict needs; [`Error::NotStateDict`] where it holds
    /// something other than named tensors; other variants for damaged or oversized files.
    pub fn from_bytes_with(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        limits.check_file(bytes.len() as u64)?;
        let (tensors, storages) = format::read(bytes, limits)?;
        let mut positions = HashMap::with_capacity(tensors.len());
        for (position, tensor) in tensors.iter().enumerate() {
            if positions.insert(tensor.name.clone(), position).is_some() {
                return Err(Error::DuplicateName { name: tensor.name.clone() });
            }
        }
        Ok(Self { tensors, positions, storages })
    }

    /// The same tensors with `prefix` removed from their names, if every name begins with it and
    /// is longer; otherwise unchanged.
    ///
    /// `torch.nn.DataParallel` and `DistributedDataParallel` name every tensor `module.…`, and
    /// `torch.compile` names it `_orig_mod.…`.
    #[must_use]
    pub fn without_prefix(mut self, prefix: &str) -> Self {
        let shorten = |name: &str| name.strip_prefix(prefix).map(str::to_owned);
        let names: Option<Vec<String>> = self
            .tensors
            .iter()
            .map(|tensor| shorten(&tensor.name).filter(|name| !name.is_empty()))
            .collect();
        if let Some(names) = names {
            self.positions = names.iter().cloned().zip(0..).collect();
            for (tensor, name) in self.tensors.iter_mut().zip(names) {
                tensor.name = name;
            }
        }
        self
    }

    /// How many tensors there are.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there are no tensors at all.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// The names and tensors in the file's order.
    pub fn iter(&self) -> Tensors<'_> {
        Tensors { state_dict: self, tensors: self.tensors.iter() }
    }

    /// The tensor called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] if there is none.
    pub fn tensor(&self, name: &str) -> Result<TensorView<'_>, Error> {
        let position = self.positions.get(name);
        let tensor = position.and_then(|position| self.tensors.get(*position));
        let tensor = tensor.ok_or_else(|| Error::MissingTensor { name: name.to_owned() })?;
        Ok(self.view(tensor))
    }

    /// Shape and row-major values of the floating-point tensor called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] if there is none; those of [`TensorView::to_f32`].
    pub fn f32(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>), Error> {
        let tensor = self.tensor(name)?;
        Ok((tensor.shape().to_vec(), tensor.to_f32()?))
    }

    /// Shape and row-major values of the integer tensor called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] if there is none; those of [`TensorView::to_i64`].
    pub fn i64(&self, name: &str) -> Result<(Vec<usize>, Vec<i64>), Error> {
        let tensor = self.tensor(name)?;
        Ok((tensor.shape().to_vec(), tensor.to_i64()?))
    }

    fn view<'a>(&'a self, tensor: &'a Tensor) -> TensorView<'a> {
        let storage = self.storages.get(tensor.storage).map_or(&[][..], Vec::as_slice);
        TensorView { tensor, storage }
    }
}

/// As [`StateDict::from_bytes`].
impl TryFrom<&[u8]> for StateDict {
    type Error = Error;

    fn try_from(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_bytes(bytes)
    }
}

/// The descriptions of the tensors without their data.
impl fmt::Debug for StateDict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(&self.tensors).finish()
    }
}

/// The names and tensors in the file's order.
impl<'a> IntoIterator for &'a StateDict {
    type Item = (&'a str, TensorView<'a>);
    type IntoIter = Tensors<'a>;

    fn into_iter(self) -> Tensors<'a> {
        self.iter()
    }
}

/// Iterator over names and tensors; see [`StateDict::iter`].
#[derive(Clone, Debug)]
pub struct Tensors<'a> {
    state_dict: &'a StateDict,
    tensors: std::slice::Iter<'a, Tensor>,
}

impl<'a> Iterator for Tensors<'a> {
    type Item = (&'a str, TensorView<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let tensor = self.tensors.next()?;
        Some((&tensor.name, self.state_dict.view(tensor)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.tensors.size_hint()
    }
}

impl ExactSizeIterator for Tensors<'_> {}

/// One tensor, borrowed from its [`StateDict`].
///
/// It may be a strided view of a storage that other tensors share; [`to_f32`](Self::to_f32) and
/// [`to_i64`](Self::to_i64) gather its elements in row-major order.
#[derive(Clone, Copy)]
pub struct TensorView<'a> {
    tensor: &'a Tensor,
    /// The little-endian elements of the tensor's whole storage.
    storage: &'a [u8],
}

impl<'a> TensorView<'a> {
    /// Size of each dimension; empty for a scalar.
    pub fn shape(&self) -> &'a [usize] {
        &self.tensor.layout.shape
    }

    /// Type of the stored elements.
    pub fn data_type(&self) -> DataType {
        self.tensor.data_type
    }

    /// Product of the [shape](Self::shape).
    pub fn element_count(&self) -> usize {
        self.tensor.element_count
    }

    /// The values of a floating-point tensor in row-major order.
    ///
    /// `float16` and `bfloat16` widen exactly; `float64` is rounded to the nearest `f32`.
    ///
    /// # Errors
    ///
    /// [`Error::DataType`] for integers and booleans.
    pub fn to_f32(&self) -> Result<Vec<f32>, Error> {
        match self.data_type() {
            DataType::F64 => self.gather(|bytes| f64::from_le_bytes(bytes) as f32),
            DataType::F32 => self.gather(f32::from_le_bytes),
            DataType::F16 => self.gather(|bytes| f16::from_le_bytes(bytes).to_f32()),
            DataType::BF16 => self.gather(|bytes| bf16::from_le_bytes(bytes).to_f32()),
            _ => Err(self.unexpected_type("a floating-point type")),
        }
    }

    /// The values of an integer or boolean tensor in row-major order.
    ///
    /// # Errors
    ///
    /// [`Error::DataType`] for floating-point tensors.
    pub fn to_i64(&self) -> Result<Vec<i64>, Error> {
        match self.data_type() {
            DataType::I64 => self.gather(i64::from_le_bytes),
            DataType::I32 => self.gather(|bytes| i64::from(i32::from_le_bytes(bytes))),
            DataType::I16 => self.gather(|bytes| i64::from(i16::from_le_bytes(bytes))),
            DataType::I8 => self.gather(|bytes| i64::from(i8::from_le_bytes(bytes))),
            DataType::U8 => self.gather(|[byte]| i64::from(byte)),
            DataType::Bool => self.gather(|[byte]| i64::from(byte != 0)),
            _ => Err(self.unexpected_type("an integer type")),
        }
    }

    fn gather<const SIZE: usize, T>(
        &self,
        decode: impl Fn([u8; SIZE]) -> T,
    ) -> Result<Vec<T>, Error> {
        let (elements, _) = self.storage.as_chunks::<SIZE>();
        let mut values = Vec::with_capacity(self.element_count().min(elements.len()));
        for index in self.tensor.layout.indices() {
            let misfit = || self.tensor.layout.misfit(&self.tensor.name, elements.len());
            let element = elements.get(index).ok_or_else(misfit)?;
            values.push(decode(*element));
        }
        Ok(values)
    }

    fn unexpected_type(&self, expected: &'static str) -> Error {
        Error::DataType { name: self.tensor.name.clone(), expected, got: self.data_type() }
    }
}

/// The description without the data.
impl fmt::Debug for TensorView<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tensor.fmt(formatter)
    }
}
