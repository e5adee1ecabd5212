//! Artifacts in a folder of this machine.

use super::{ArtifactFile, ArtifactRepository, Content, join};
use crate::error::{Error, Result};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Prefix of temporary files.
const UNFINISHED: &str = ".writing-";

/// Artifacts in a folder of this machine.
pub(crate) struct FolderArtifacts {
    root: PathBuf,
}

impl FolderArtifacts {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn path(&self, path: &str) -> PathBuf {
        if path.is_empty() {
            return self.root.clone();
        }
        self.root.join(path)
    }
}

impl ArtifactRepository for FolderArtifacts {
    fn upload(&self, path: &str, content: Content<'_>) -> Result<()> {
        let (mut reader, _) = content.open()?;
        let target = self.path(path);
        if let Some(folder) = target.parent() {
            fs_err::create_dir_all(folder)?;
        }
        write_atomically(&target, &mut reader)
    }

    fn list(&self, folder: &str) -> Result<Vec<ArtifactFile>> {
        let path = self.path(folder);
        if !path.is_dir() {
            return Ok(Vec::new());
        }
        let mut files = Vec::new();
        for entry in fs_err::read_dir(path)? {
            let entry = entry?;
            if is_unfinished(&entry) {
                continue;
            }
            let metadata = fs_err::metadata(entry.path())?;
            files.push(ArtifactFile {
                path: join(folder, &entry.file_name().to_string_lossy()),
                size: metadata.is_file().then_some(metadata.len()),
                is_folder: metadata.is_dir(),
            });
        }
        Ok(files)
    }

    #[cfg(feature = "spool")]
    fn remove_unfinished(&self) -> Result<()> {
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop().filter(|folder| folder.is_dir()) {
            for entry in fs_err::read_dir(folder)? {
                let entry = entry?;
                // Links are not followed: their targets were not written here.
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else if is_unfinished(&entry) {
                    fs_err::remove_file(entry.path())?;
                }
            }
        }
        Ok(())
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read>> {
        match fs_err::File::open(self.path(path)) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::not_found("artifact", path))
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn is_unfinished(entry: &fs_err::DirEntry) -> bool {
    let name = entry.file_name();
    name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes())
}

/// The folder that contains a path; the current one for a plain name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Writes to a temporary file in the same folder and renames it, so that no partial file is ever visible.
pub(crate) fn write_atomically(target: &Path, reader: &mut dyn Read) -> Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    // A server that runs as another user must be able to read it; the umask still counts.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder_of(target))?;
    io::copy(reader, &mut file)?;
    file.persist(target).map_err(|error| error.error)?;
    Ok(())
}
