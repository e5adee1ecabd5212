//! A folder of models.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use fs_err as fs;
use pet_model::{Precision, Results};

use crate::error::Error;

/// A folder of models: each subfolder that holds a model is one, named after the subfolder.
#[derive(Clone, Debug)]
pub struct ModelFolder {
    /// The folder.
    pub folder: PathBuf,
    /// How many of its models may be loaded at a time.
    pub most: usize,
}

/// What is in such a folder.
#[derive(Default)]
pub(crate) struct Found {
    /// The models by their names.
    pub(crate) models: BTreeMap<String, Results>,
    /// Entries that are not models, with the reason.
    pub(crate) others: BTreeMap<String, &'static str>,
}

impl ModelFolder {
    /// By default as many may be loaded as are there now, and one more.
    ///
    /// # Errors
    /// [`Error::ModelFolder`] when the folder cannot be read.
    pub fn new(folder: PathBuf, most: Option<NonZero<usize>>) -> Result<Self, Error> {
        let mut models = Self { folder, most: 0 };
        models.most = match most {
            Some(most) => most.get(),
            None => models.look()?.models.len() + 1,
        };
        Ok(models)
    }

    /// What is there now.
    pub(crate) fn look(&self) -> Result<Found, Error> {
        let failed = |source| Error::ModelFolder { source };
        let mut found = Found::default();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let results = Results::from(entry.path());
            match reason(&name, &results) {
                Some(reason) => found.others.insert(name, reason).map(drop),
                None => found.models.insert(name, results).map(drop),
            };
        }
        Ok(found)
    }
}

/// Why this is not a model. Names appear in addresses and metrics, so they are plain. In one that is not valid text,
/// replacement characters stand for the invalid parts, and those are not allowed either.
fn reason(name: &str, results: &Results) -> Option<&'static str> {
    let is_allowed = |letter: char| letter.is_alphanumeric() || "._-".contains(letter);
    if name.starts_with('.') {
        Some("it is hidden")
    } else if !results.folder().is_some_and(Path::is_dir) {
        Some("it is not a folder")
    } else if !name.chars().all(is_allowed) {
        Some("its name has other characters than letters, digits, `.`, `_` and `-`")
    } else if !Precision::ALL
        .iter()
        .any(|precision| results.contains(precision.file()))
    {
        Some("it has no model")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_with_a_model_and_a_decent_name_are_models() {
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
        assert_eq!(folder.most, 4);
        let found = folder.look().unwrap();
        let names: Vec<_> = found.models.keys().map(String::as_str).collect();
        assert_eq!(names, ["Küken", "cats", "dogs-2.1_b"]);
        for (name, results) in &found.models {
            assert_eq!(results.folder().unwrap(), place.path().join(name));
        }
        let others: Vec<_> = found.others.keys().map(String::as_str).collect();
        assert_eq!(others, [".hidden", "a b", "a%2Fb", "empty", "model.onnx"]);
        assert_eq!(found.others["empty"], "it has no model");
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let place = tempfile::tempdir().unwrap();
        let missing = place.path().join("missing");
        let error = ModelFolder::new(missing, None).unwrap_err();
        assert!(matches!(error, Error::ModelFolder { .. }), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_no_text_is_left_out() {
        use std::os::unix::ffi::OsStrExt as _;

        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join(std::ffi::OsStr::from_bytes(b"ca\xff"));
        if fs::create_dir(&folder).is_err() {
            return; // Some file systems take no such name.
        }
        fs::write(folder.join("model.onnx"), b"").unwrap();
        let folder = ModelFolder::new(place.path().into(), None).unwrap();
        assert!(folder.look().unwrap().models.is_empty());
    }
}
