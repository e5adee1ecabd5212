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

/// Downloads the official data set into `root`, where [`load`](super::load) then finds it.
///
/// Both archives are fetched, checked against their MD5, unpacked beside their place, renamed,
/// and removed. What is already there is not fetched again: a folder that was unpacked, an archive
/// that was downloaded, the part of an archive that an earlier run received (`NAME.partial`). The
/// proxy that the environment names (`HTTPS_PROXY`, `ALL_PROXY`, …) is used.
///
/// # Errors
///
/// [`Error::Download`] if no mirror gives an archive with the right MD5, naming each and why; a
/// received file with another MD5 is removed. [`Error::Checksum`] if an archive that was already
/// there has another MD5; it is left alone. [`Error::Unpack`], [`Error::ArchiveEntry`] and
/// [`Error::ArchiveFolder`] if it cannot be unpacked; nothing of it stays. [`Error::Busy`] if
/// another process downloads to `root`; [`Error::Io`].
pub fn download(root: &Path, progress: &dyn Progress) -> Result<(), Error> {
    download_from(&Source::default(), root, progress)
}

/// As [`download`], from other mirrors or with other archives and limits.
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
