//! Folders of models.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use fs_err as fs;
use pet_model::{Precision, Results};

use crate::error::Error;

/// A folder with models in subfolders; a subfolder's name is the name of its model.
#[derive(Clone, Debug)]
pub struct ModelFolder {
    /// The folder.
    pub folder: PathBuf,
    /// Largest number of its models that may be loaded at a time.
    pub max_loaded: usize,
}

/// The contents of a folder of models.
#[derive(Default)]
pub(crate) struct Found {
    /// The models by name.
    pub(crate) models: BTreeMap<String, Results>,
    /// Entries that are not models, with the reason.
    pub(crate) skipped: BTreeMap<String, &'static str>,
}

impl ModelFolder {
    /// Without `max`, one more model may be loaded than there are now.
    ///
    /// # Errors
    /// [`Error::ModelFolder`] when the folder cannot be read.
    pub fn new(folder: PathBuf, max: Option<NonZero<usize>>) -> Result<Self, Error> {
        let mut models = Self { folder, max_loaded: 0 };
        models.max_loaded = match max {
            Some(max) => max.get(),
            None => models.scan()?.models.len() + 1,
        };
        Ok(models)
    }

    /// The models to load at startup: all in the folder. None of them may have the name of the served one.
    pub(crate) fn initial(&self, served: &str) -> Result<BTreeMap<String, Results>, Error> {
        let found = self.scan()?;
        for (name, reason) in found.skipped {
            let place = self.folder.display();
            tracing::info!(%place, name, reason, "skipped in the folder of models");
        }
        let (count, max) = (found.models.len(), self.max_loaded);
        if count > max {
            return Err(Error::ModelCount { folder: self.folder.clone(), count, max });
        }
        match found.models.get(served) {
            Some(results) => Err(same_name(served, results)),
            None => Ok(found.models),
        }
    }

    /// Lists the folder.
    pub(crate) fn scan(&self) -> Result<Found, Error> {
        let failed = |source| Error::ModelFolder { source };
        let mut found = Found::default();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let results = Results::from(entry.path());
            match skip_reason(&name, &results) {
                Some(reason) => found.skipped.insert(name, reason).map(drop),
                None => found.models.insert(name, results).map(drop),
            };
        }
        Ok(found)
    }

    /// Whether it has a model of this name, without listing everything.
    pub(crate) fn has(&self, name: &str) -> bool {
        // Compared with the name of the entry, because `..` and others lead elsewhere.
        let path = self.folder.join(name);
        let is_entry =
            path.parent() == Some(&self.folder) && path.file_name() == Some(OsStr::new(name));
        is_entry && skip_reason(name, &Results::from(path)).is_none()
    }
}

/// The error for a named model with the name of the served one.
pub(crate) fn same_name(name: &str, results: &Results) -> Error {
    Error::SameName { name: name.to_owned(), results: results.to_string() }
}

/// Why an entry is not a model. Names appear in URLs and metrics, so few characters are allowed; the replacement
/// characters of a name that is not valid Unicode are not among them.
fn skip_reason(name: &str, results: &Results) -> Option<&'static str> {
    let is_allowed = |letter: char| letter.is_alphanumeric() || "._-".contains(letter);
    if name.starts_with('.') {
        Some("it is hidden")
    } else if !results.folder().is_some_and(Path::is_dir) {
        Some("it is not a folder")
    } else if !name.chars().all(is_allowed) {
        Some("its name may only have letters, digits, `.`, `_` and `-`")
    } else if !Precision::ALL.iter().any(|precision| results.contains(precision.file())) {
        Some("it has no model")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_with_a_model_and_a_valid_name_are_models() {
        let place = tempfile::tempdir().unwrap();
        for path in [
            "cats/model.onnx",
            "dogs-2.1_b/model.int8.onnx",
            "Küken/model.onnx",
            ".hidden/model.onnx",
            "a b/model.onnx",
            "a%2Fb/model.onnx",
            "empty/README.md",
            "model.onnx",
        ] {
            let path = place.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        let folder = ModelFolder::new(place.path().into(), None).unwrap();
        assert_eq!(folder.max_loaded, 4);
        let found = folder.scan().unwrap();
        let names: Vec<_> = found.models.keys().map(String::as_str).collect();
        assert_eq!(names, ["Küken", "cats", "dogs-2.1_b"]);
        for (name, results) in &found.models {
            assert_eq!(results.folder().unwrap(), place.path().join(name));
        }
        let skipped: Vec<_> = found.skipped.keys().map(String::as_str).collect();
        assert_eq!(skipped, [".hidden", "a b", "a%2Fb", "empty", "model.onnx"]);
        assert_eq!(found.skipped["empty"], "it has no model");
    }

    #[test]
    fn missing_folder_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        let missing = place.path().join("missing");
        let error = ModelFolder::new(missing, None).unwrap_err();
        assert!(matches!(error, Error::ModelFolder { .. }), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn name_that_is_not_unicode_is_skipped() {
        use std::os::unix::ffi::OsStrExt as _;

        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join(std::ffi::OsStr::from_bytes(b"ca\xff"));
        if fs::create_dir(&folder).is_err() {
            return; // Not every file system allows such a name.
        }
        fs::write(folder.join("model.onnx"), b"").unwrap();
        let folder = ModelFolder::new(place.path().into(), None).unwrap();
        assert!(folder.scan().unwrap().models.is_empty());
    }
}
