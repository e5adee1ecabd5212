//! Where to find models, the ONNX Runtime library, weights and caches.
//!
//! The order is: options and environment variables, the workspace around the current folder, the folder of the program, the
//! user's folders. Models are searched for in the current folder first, and the last resort is the built-in model.

mod built_in;
mod program;
mod results;
mod workspace;

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use pet_predict::SearchPaths;

pub(crate) use self::results::find_results;

/// The name of this program's folders among the user's.
const NAME: &str = "pet-cli";

/// The workspace's folder of downloads and features.
const WORKSPACE_CACHE: &str = ".cache";

/// The folder of ONNX Runtime, with a folder for each version.
pub(crate) const RUNTIME: &str = "onnxruntime";

/// The folders of this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// The workspace around the current folder; empty if it is the current folder.
    workspace: Option<PathBuf>,
    /// The folder of the program.
    program: Option<PathBuf>,
    /// This program's folder in the user's data folder.
    data: Option<PathBuf>,
    /// This program's folder in the user's cache folder.
    cache: Option<PathBuf>,
}

impl Places {
    pub(crate) fn here() -> Self {
        let user = etcetera::choose_base_strategy().ok();
        Self {
            workspace: workspace::around_current_folder(),
            program: program::folder(),
            data: user.as_ref().map(|user| user.data_dir().join(NAME)),
            cache: user.as_ref().map(|user| user.cache_dir().join(NAME)),
        }
    }

    /// The folder of features, checkpoints and unsent runs.
    pub(crate) fn cache(&self, given: Option<&Path>) -> PathBuf {
        self.choose(given, self.cache.as_deref())
    }

    /// The folder of downloads.
    #[cfg(feature = "training")]
    pub(crate) fn downloads(&self, given: Option<&Path>) -> PathBuf {
        self.choose(given, self.data.as_deref())
    }

    fn choose(&self, given: Option<&Path>, user: Option<&Path>) -> PathBuf {
        let given = given.map(Path::to_owned);
        let or_workspace = given.or_else(|| self.workspace_cache());
        let or_user = or_workspace.or_else(|| user.map(Path::to_owned));
        or_user.unwrap_or_else(|| WORKSPACE_CACHE.into())
    }

    fn workspace_cache(&self) -> Option<PathBuf> {
        let folder = self.workspace.as_ref()?;
        Some(folder.join(WORKSPACE_CACHE))
    }

    /// The folder of downloads, then others that may have earlier downloads.
    #[cfg(feature = "training")]
    fn all_downloads(&self, given: Option<&Path>) -> Vec<PathBuf> {
        let chosen = self.downloads(given);
        let others = [self.workspace_cache(), self.data.clone()];
        let others = others.into_iter().flatten().filter(|one| *one != chosen);
        let others: Vec<PathBuf> = others.collect();
        std::iter::once(chosen).chain(others).collect()
    }

    /// The path of a downloaded file, such as `backbone/mobilenet_v2.safetensors`, or else where it would be stored.
    #[cfg(feature = "training")]
    pub(crate) fn download(&self, given: Option<&Path>, file: &Path) -> PathBuf {
        let folders = self.all_downloads(given).into_iter();
        let mut files = folders.map(|folder| folder.join(file));
        let found = files.find(|file| file.is_file());
        found.unwrap_or_else(|| self.downloads(given).join(file))
    }

    /// Where to search for ONNX Runtime. `library` is the given one.
    pub(crate) fn libraries(&self, given: Option<&Path>, library: Option<PathBuf>) -> SearchPaths {
        let mut folders: Vec<PathBuf> =
            given.map(|given| given.join(RUNTIME)).into_iter().collect();
        folders.extend(self.workspace_cache().map(|cache| cache.join(RUNTIME)));
        if let Some(program) = &self.program {
            folders.push(program.clone());
            folders.extend(program::python_packages(program));
        }
        folders.extend(self.data.as_ref().map(|data| data.join(RUNTIME)));
        let empty = SearchPaths::empty().with_library(library).with_system();
        folders.into_iter().fold(empty, SearchPaths::with_folder)
    }

    /// The folders to search for a model if none is given.
    fn all_results(&self) -> Vec<PathBuf> {
        let here = PathBuf::new();
        let others = [&self.workspace, &self.program, &self.data];
        let others = others.into_iter().flatten().filter(|one| **one != here);
        let folders = std::iter::once(&here).chain(others);
        folders.map(|folder| folder.join(results::FOLDER)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(workspace: Option<&str>) -> Places {
        Places {
            workspace: workspace.map(PathBuf::from),
            program: Some("/program/bin".into()),
            data: Some("/home/data/pet-cli".into()),
            cache: Some("/home/cache/pet-cli".into()),
        }
    }

    #[cfg(feature = "training")]
    #[test]
    fn given_folders_precede_the_workspace_and_the_users() {
        let given = Some(Path::new("/given"));
        for (places, given, cache, downloads) in [
            (places(Some("/clone")), given, "/given", "/given"),
            (places(Some("/clone")), None, "/clone/.cache", "/clone/.cache"),
            (places(Some("")), None, ".cache", ".cache"),
            (places(None), None, "/home/cache/pet-cli", "/home/data/pet-cli"),
            (Places::default(), None, ".cache", ".cache"),
        ] {
            assert_eq!(places.cache(given), Path::new(cache));
            assert_eq!(places.downloads(given), Path::new(downloads));
        }
    }

    #[test]
    fn libraries_are_searched_for_in_order() {
        let paths = |workspace, given: Option<&str>| {
            let paths = places(workspace).libraries(given.map(Path::new), None);
            format!("{paths:?}")
        };
        let all = paths(Some("/clone"), Some("/given"));
        let order = [
            "/given/onnxruntime",
            "/clone/.cache/onnxruntime",
            "/program/bin",
            "/home/data/pet-cli/onnxruntime",
        ];
        let found = order.map(|place| all.find(place).unwrap_or_else(|| panic!("{place}: {all}")));
        assert!(found.is_sorted(), "{all}");
        assert!(!paths(None, None).contains("clone"));
    }

    #[test]
    fn models_are_searched_for_in_the_current_folder_first() {
        let folders = places(Some("/clone")).all_results();
        let expected =
            ["results", "/clone/results", "/program/bin/results", "/home/data/pet-cli/results"];
        assert_eq!(folders, expected.map(PathBuf::from));
        assert_eq!(places(Some("")).all_results().len(), 3, "not twice");
    }

    #[cfg(feature = "training")]
    #[test]
    fn downloads_are_found_in_all_folders() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { data: Some(folder.path().to_owned()), ..places(Some("/clone")) };
        let file = Path::new("backbone/one.safetensors");
        let wanted = Path::new("/clone/.cache").join(file);
        assert_eq!(places.download(None, file), wanted);
        let there = folder.path().join(file);
        fs_err::create_dir_all(there.parent().unwrap()).unwrap();
        fs_err::write(&there, "").unwrap();
        assert_eq!(places.download(None, file), there);
    }
}
