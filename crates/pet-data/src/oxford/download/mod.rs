mod checksum;
mod fetch;
mod partial;
mod reader;
mod source;
mod transfer;
mod unpack;

use std::path::Path;

pub use source::{Archive, Source, UnpackLimits};

use crate::{Error, Progress};

/// Downloads the official data set to `root`, for [`load`](super::load).
///
/// Both archives are downloaded, verified by MD5, unpacked and removed; their folders appear only when
/// complete. Existing folders, archives and partial downloads (`NAME.partial`) are used. A proxy of the
/// environment (`HTTPS_PROXY`, `ALL_PROXY`, …) is used.
///
/// # Errors
///
/// [`Error::Download`] if no mirror has an archive with the right MD5; a wrong file is removed.
/// [`Error::Checksum`] if an existing archive has a wrong MD5; it is kept. [`Error::Unpack`],
/// [`Error::ArchiveEntry`] and [`Error::ArchiveFolder`] if it cannot be unpacked; nothing is kept.
/// [`Error::Busy`] if another process downloads to `root`; [`Error::Io`].
pub fn download(root: &Path, progress: &dyn Progress) -> Result<(), Error> {
    download_from(&Source::default(), root, progress)
}

/// Like [`download`], from other mirrors or with other archives and limits.
///
/// # Errors
///
/// As [`download`].
pub fn download_from(source: &Source, root: &Path, progress: &dyn Progress) -> Result<(), Error> {
    fs_err::create_dir_all(root)?;
    let agent = transfer::agent(source);
    for archive in &source.archives {
        if root.join(&archive.folder).is_dir() {
            continue;
        }
        let path = fetch::fetch(&agent, source, archive, root, progress)?;
        unpack::unpack(&path, &archive.folder, root, &source.unpack, progress)?;
        fs_err::remove_file(&path)?;
    }
    Ok(())
}
