//! State dicts.

use std::collections::HashMap;
use std::fmt;
use std::io::Read;
use std::path::Path;

use crate::contents::Tensor;
use crate::{Error, Limits, TensorView, archive, legacy};

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
        let wrap = |source| Error::Read { source };
        let file = fs_err::File::open(path.as_ref()).map_err(wrap)?;
        limits.check_file(file.metadata().map_err(wrap)?.len())?;
        let mut bytes = Vec::new();
        // The file may grow between the check and the end of reading.
        let mut bounded = file.take(limits.file_bytes.saturating_add(1));
        bounded.read_to_end(&mut bytes).map_err(wrap)?;
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
        if archive::matches(bytes) {
            let (tensors, storages) = archive::read(bytes, limits)?;
            Self::new(tensors, storages)
        } else if legacy::matches(bytes) {
            let (tensors, storages) = legacy::read(bytes, limits)?;
            Self::new(tensors, storages)
        } else {
            Err(Error::UnknownFormat { start: bytes.iter().take(8).copied().collect() })
        }
    }

    /// Joins the described tensors with the data of the storages they refer to by position.
    fn new(tensors: Vec<Tensor>, storages: Vec<Vec<u8>>) -> Result<Self, Error> {
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
        let storage = self.storages.get(tensor.storage);
        TensorView::new(tensor, storage.map_or(&[][..], Vec::as_slice))
    }
}

/// The descriptions of the tensors without their data.
impl fmt::Debug for StateDict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(&self.tensors).finish()
    }
}

/// As [`StateDict::from_bytes`].
impl TryFrom<&[u8]> for StateDict {
    type Error = Error;

    fn try_from(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_bytes(bytes)
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
