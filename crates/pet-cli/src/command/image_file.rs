//! Reading and writing the image files of the image commands.

use std::path::Path;

use fs_err as fs;
use pet_image::{Decoded, Limits, decode};
use pet_model::write_atomically;

use crate::failure::Failure;

/// Reads a file that is not larger than what would be decoded.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let limits = Limits::default();
    let size = fs::metadata(path)?.len();
    if size > limits.bytes {
        let too_large = Failure::FileTooLarge {
            expected: limits.bytes,
            got: size,
        };
        return Err(at(path, too_large));
    }
    Ok(fs::read(path)?)
}

/// Reads and decodes an image file.
pub(super) fn open(path: &Path) -> Result<Decoded, Failure> {
    decode(&read(path)?, &Limits::default()).map_err(|error| at(path, error.into()))
}

/// Writes an image file, whole or not at all, if there is a place for it.
pub(super) fn save(
    output: Option<&Path>,
    encode: impl FnOnce() -> Result<Vec<u8>, pet_image::Error>,
) -> Result<(), Failure> {
    let Some(path) = output else { return Ok(()) };
    Ok(write_atomically(path, &encode()?)?)
}

/// Names the file that something went wrong with.
pub(super) fn at(path: &Path, source: Failure) -> Failure {
    Failure::File {
        path: path.to_owned(),
        source: Box::new(source),
    }
}
