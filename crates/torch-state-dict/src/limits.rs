//! Limits for reading files.

use crate::Error;

/// Upper bounds for reading one file.
///
/// ```
/// use torch_state_dict::Limits;
///
/// let limits = Limits::default().with_file_bytes(64 << 20);
/// assert_eq!(limits.unpacked_bytes, 1 << 30);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Size of the file in bytes; 1 GiB by default.
    pub file_bytes: u64,
    /// Bytes of all storages together, of all tensors together (tensors may share a storage), and
    /// of the unpacked pickle, each on its own; 1 GiB by default.
    pub unpacked_bytes: u64,
    /// Steps one pickle may take: its opcodes, the dimensions of its tensors and the entries it
    /// copies. Each step costs at most some hundred bytes of memory. One million by default, while
    /// the weights of `MobileNetV2` take 11 thousand.
    pub pickle_steps: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 1 << 30, unpacked_bytes: 1 << 30, pickle_steps: 1_000_000 }
    }
}

impl Limits {
    /// Sets the limit for the size of the file in bytes.
    #[must_use]
    pub fn with_file_bytes(self, file_bytes: u64) -> Self {
        Self { file_bytes, ..self }
    }

    /// Sets the limit for the unpacked bytes.
    #[must_use]
    pub fn with_unpacked_bytes(self, unpacked_bytes: u64) -> Self {
        Self { unpacked_bytes, ..self }
    }

    /// Sets the limit for the steps of one pickle.
    #[must_use]
    pub fn with_pickle_steps(self, pickle_steps: usize) -> Self {
        Self { pickle_steps, ..self }
    }

    pub(crate) fn check_file(&self, bytes: u64) -> Result<(), Error> {
        check("file", self.file_bytes, bytes)
    }

    pub(crate) fn check_unpacked(&self, what: &'static str, bytes: u64) -> Result<(), Error> {
        check(what, self.unpacked_bytes, bytes)
    }
}

fn check(what: &'static str, limit: u64, got: u64) -> Result<(), Error> {
    if got > limit { Err(Error::TooLarge { what, limit, got }) } else { Ok(()) }
}
