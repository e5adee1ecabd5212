//! Reading the bytes of a model.

use std::borrow::Cow;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use fs_err as fs;
use pet_model::{Precision, Results};

use crate::{Error, Options};

/// The embedded model that the options choose, with its name for messages.
pub(super) fn built_in(
    results: &Results,
    options: &Options,
) -> Result<(PathBuf, Cow<'static, [u8]>), Error> {
    let integers = results.contains(Precision::Int8.file());
    let default = if integers { Precision::Int8 } else { Precision::Fp32 };
    let precision = options.precision.unwrap_or(default);
    let (path, limit) = (results.path(precision.file()), options.model_bytes);
    let bytes = results.read(precision.file());
    let bytes = bytes.map_err(|_| Error::NoModel { path: path.clone() })?;
    match bytes.len() as u64 {
        got if got == 0 || got > limit => Err(Error::ModelSize { path, limit, got }),
        _ => Ok((path, bytes)),
    }
}

/// Reads a file of at most `limit` bytes.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let size = |got| Error::ModelSize { path: path.to_owned(), limit, got };
    let failed = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => Error::NoModel { path: path.into() },
        _ => Error::ReadModel { source },
    };
    let file = fs::File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length > limit {
        return Err(size(length));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 {
        got if got == 0 || got > limit => Err(size(got)),
        _ => Ok(bytes),
    }
}
