//! Files that are either whole or not there.

use std::io::Write;
use std::path::Path;

use fs_err as fs;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// Writes `bytes` beside `path` and renames the result into place, creating the folder if need be.
///
/// # Errors
///
/// [`Error::Io`] when the folder cannot be written; `path` is then as it was.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut beside = builder
        .prefix(&format!(".{name}."))
        .tempfile_in(folder)
        .map_err(|source| {
            std::io::Error::new(
                source.kind(),
                format!("cannot write in `{}`: {source}", folder.display()),
            )
        })?;
    let wrap = |source: std::io::Error| {
        std::io::Error::new(
            source.kind(),
            format!("cannot write `{}`: {source}", path.display()),
        )
    };
    beside.write_all(bytes).map_err(wrap)?;
    beside.as_file().sync_all().map_err(wrap)?;
    beside.persist(path).map_err(|error| wrap(error.error))?;
    Ok(())
}

/// Writes `value` as indented JSON with a final newline, whole or not at all.
///
/// # Errors
///
/// [`Error::Io`] when the file cannot be written, [`Error::Json`] when `value` has no JSON form.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let mut text = serde_json::to_string_pretty(value).map_err(|source| Error::Json {
        path: path.to_owned(),
        source,
    })?;
    text.push('\n');
    write_atomically(path, text.as_bytes())
}

/// Reads a JSON file.
///
/// # Errors
///
/// [`Error::Io`] when it cannot be read, [`Error::Json`] when it is not what is expected.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = fs::read_to_string(path)?;
    serde_json::from_str(&text).map_err(|source| Error::Json {
        path: path.to_owned(),
        source,
    })
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
    fn a_target_that_is_a_folder_is_an_error_that_names_it_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir_all(path.join("inner")).unwrap();
        let error = write_atomically(&path, b"x").unwrap_err();
        let Error::Io { source } = error else {
            panic!("{error}")
        };
        assert!(source.to_string().contains("taken"), "{source}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
