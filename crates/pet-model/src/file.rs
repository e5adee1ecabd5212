//! Atomic writes: files are complete or absent.

use std::io::Write;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

use crate::Error;

/// A file that is written to a temporary path in the same folder, and removed when dropped unless it is published.
#[derive(Debug)]
pub struct Staged {
    temporary: NamedTempFile,
    path: PathBuf,
}

impl Staged {
    /// Writes `bytes` to a temporary file beside `path`; creates the folder if needed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the folder cannot be written.
    pub fn new(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let mut temporary = temporary(path)?;
        let written = temporary.write_all(bytes);
        written
            .and_then(|()| temporary.as_file().sync_all())
            .map_err(|source| cannot_write(path, &source))?;
        Ok(Self { temporary, path: path.to_owned() })
    }

    /// Renames the file to its path.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when that fails; an existing file is unchanged then.
    pub fn publish(self) -> Result<(), Error> {
        let persisted = self.temporary.persist(&self.path);
        persisted.map_err(|error| cannot_write(&self.path, &error.error))?;
        Ok(())
    }
}

/// Writes a file atomically; creates the folder if needed.
///
/// # Errors
///
/// [`Error::Io`] when the folder cannot be written; an existing file is unchanged then.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    Staged::new(path, bytes)?.publish()
}

/// An empty file in the folder of `path`.
fn temporary(path: &Path) -> Result<NamedTempFile, Error> {
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let temporary = builder.prefix(&format!(".{name}.")).tempfile_in(folder);
    Ok(temporary.map_err(|source| {
        // Without the name of the temporary file, which tempfile adds.
        let text = source.to_string();
        let cause = text.split(" at path ").next().unwrap_or_default();
        std::io::Error::new(
            source.kind(),
            format!("cannot write to `{}`: {cause}", folder.display()),
        )
    })?)
}

fn cannot_write(path: &Path, source: &std::io::Error) -> std::io::Error {
    std::io::Error::new(source.kind(), format!("cannot write `{}`: {source}", path.display()))
}

/// Writes `value` atomically as indented JSON with a final newline.
///
/// # Errors
///
/// [`Error::Io`] when the file cannot be written, [`Error::Json`] when `value` has no JSON form.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    write_atomically(path, json(path, value)?.as_bytes())
}

/// Writes `value` as [`write_json`] does, without publishing the file.
///
/// # Errors
///
/// As [`write_json`].
pub fn stage_json(path: &Path, value: &impl Serialize) -> Result<Staged, Error> {
    Staged::new(path, json(path, value)?.as_bytes())
}

fn json(path: &Path, value: &impl Serialize) -> Result<String, Error> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|source| Error::Json { path: path.to_owned(), source })?;
    text.push('\n');
    Ok(text)
}

/// Reads a JSON file.
///
/// # Errors
///
/// [`Error::Io`] when it cannot be read, [`Error::Json`] when it is not what is expected.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = fs::read_to_string(path)?;
    serde_json::from_str(&text).map_err(|source| Error::Json { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/metrics.json");
        write_atomically(&path, b"first").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_staged_is_not_visible_until_it_is_published() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("selection.json");
        drop(stage_json(&path, &1).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let staged = stage_json(&path, &2).unwrap();
        assert!(!path.exists());
        staged.publish().unwrap();
        assert_eq!(read_json::<u8>(&path).unwrap(), 2);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_cannot_be_written_is_named_and_nothing_else() {
        let error = write_atomically(Path::new("/proc/out.json"), b"x").unwrap_err();
        let Error::Io { source } = error else { panic!("{error}") };
        let text = source.to_string();
        assert!(text.starts_with("cannot write to `/proc`: "), "{text}");
        assert!(!text.contains("out.json"), "{text}");
    }

    #[test]
    fn a_target_that_is_a_folder_is_an_error_that_names_it_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir_all(path.join("inner")).unwrap();
        let error = write_atomically(&path, b"x").unwrap_err();
        let Error::Io { source } = error else { panic!("{error}") };
        assert!(source.to_string().contains("taken"), "{source}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
