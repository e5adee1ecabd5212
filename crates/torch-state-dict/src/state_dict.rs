//! The dictionary of tensors.

use std::collections::HashMap;
use std::fmt;
use std::io::Read;
use std::path::Path;

use crate::contents::Tensor;
use crate::{Error, Limits, TensorView, archive, legacy};

/// The tensors of a file written by `torch.save(model.state_dict(), path)`, in the file's order.
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
    /// Reads the file at `path`; see [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// [`Error::Read`] where the file cannot be read, otherwise those of [`read`](Self::read).
    pub fn open(path: impl AsRef<Path>, limits: &Limits) -> Result<Self, Error> {
        let wrap = |source| Error::Read { source };
        let file = fs_err::File::open(path.as_ref()).map_err(wrap)?;
        limits.check_file(file.metadata().map_err(wrap)?.len())?;
        let mut bytes = Vec::new();
        // The file may grow between the check and the end of reading.
        let mut bounded = file.take(limits.file_bytes.saturating_add(1));
        bounded.read_to_end(&mut bytes).map_err(wrap)?;
        Self::read(&bytes, limits)
    }

    /// Reads a state dict in either layout of `torch.save`, told apart by content.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownFormat`] for other content; [`Error::Global`] and [`Error::Opcode`] where
    /// the pickle asks for more than a state dict needs; [`Error::NotStateDict`] where it holds
    /// something other than named tensors; the other variants for damaged or outsized files.
    pub fn read(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        limits.check_file(bytes.len() as u64)?;
        if archive::matches(bytes) {
            archive::read(bytes, limits)
        } else if legacy::matches(bytes) {
            legacy::read(bytes, limits)
        } else {
            Err(Error::UnknownFormat {
                start: bytes.iter().take(8).copied().collect(),
            })
        }
    }

    /// Joins the described tensors with the data of the storages they refer to by position.
    pub(crate) fn new(tensors: Vec<Tensor>, storages: Vec<Vec<u8>>) -> Result<Self, Error> {
        let mut positions = HashMap::with_capacity(tensors.len());
        for (position, tensor) in tensors.iter().enumerate() {
            if positions.insert(tensor.name.clone(), position).is_some() {
                return Err(Error::DuplicateName {
                    name: tensor.name.clone(),
                });
            }
        }
        Ok(Self {
            tensors,
            positions,
            storages,
        })
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
    pub fn tensors(&self) -> impl Iterator<Item = (&str, TensorView<'_>)> {
        self.tensors
            .iter()
            .map(|tensor| (tensor.name.as_str(), self.view(tensor)))
    }

    /// The tensor called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] where there is none.
    pub fn tensor(&self, name: &str) -> Result<TensorView<'_>, Error> {
        let tensor = self
            .positions
            .get(name)
            .and_then(|position| self.tensors.get(*position));
        let tensor = tensor.ok_or_else(|| Error::MissingTensor {
            name: name.to_owned(),
        })?;
        Ok(self.view(tensor))
    }

    /// Shape and row-major values of the floating-point tensor called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] where there is none; those of [`TensorView::to_f32`].
    pub fn f32(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>), Error> {
        let tensor = self.tensor(name)?;
        Ok((tensor.shape().to_vec(), tensor.to_f32()?))
    }

    /// Shape and row-major values of the integer tensor called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] where there is none; those of [`TensorView::to_i64`].
    pub fn i64(&self, name: &str) -> Result<(Vec<usize>, Vec<i64>), Error> {
        let tensor = self.tensor(name)?;
        Ok((tensor.shape().to_vec(), tensor.to_i64()?))
    }

    fn view<'a>(&'a self, tensor: &'a Tensor) -> TensorView<'a> {
        let storage = self
            .storages
            .get(tensor.storage)
            .map_or(&[][..], Vec::as_slice);
        TensorView::new(tensor, storage)
    }
}

/// The descriptions of the tensors without their data.
impl fmt::Debug for StateDict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(&self.tensors).finish()
    }
}
