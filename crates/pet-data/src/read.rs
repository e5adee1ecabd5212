//! Reading image files, and why they cannot be read.

use std::error::Error;
use std::fmt::{Display, Formatter};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Reads a file, but at most one byte more than `limit`: enough for the caller to reject it.
///
/// # Errors
///
/// That of the operating system, with the path.
pub fn read_at_most(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs_err::File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Why an image of a data set cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The image cannot be decoded.
    #[error(transparent)]
    Image(#[from] pet_image::Error),
}

impl ReadError {
    /// The error and its causes on one line, without the path.
    pub fn reason(&self) -> String {
        match self {
            Self::Io(error) => file_reason(error),
            Self::Image(error) => {
                chain(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
            }
        }
    }
}

/// Why a file cannot be used, in a few words without its path: the root cause, as only the other errors in the chain name
/// the path.
pub fn file_reason(error: &(dyn Error + 'static)) -> String {
    let mut files = chain(error).filter_map(|error| error.downcast_ref::<std::io::Error>());
    if files.any(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return "file not found".into();
    }
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

/// An error and its causes.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// An image that cannot be read or decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableImage {
    /// The image file.
    pub path: PathBuf,
    /// The reason, in words.
    pub reason: String,
}

impl Display for UnreadableImage {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "`{}` ({})", self.path.display(), self.reason)
    }
}
