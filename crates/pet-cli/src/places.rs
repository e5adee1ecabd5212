//! Where to find models, the ONNX Runtime library, weights and caches.
//!
//! The order is: options and environment variables, the workspace around the current folder, the folder of the program, the
//! user's folders. Models are searched for in the current folder first, and the last resort is the built-in model.

use std::iter::once;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use pet_model::{BuiltInFile, INT8_MODEL_FILE, MODEL_FILE, Results};
use pet_predict::SearchPaths;

use crate::failure::Failure;

/// The name of this program's folders among the user's.
const NAME: &str = "pet-cli";

/// A file that identifies a clone of this project.
const MARKER: &str = "crates/pet-cli/Cargo.toml";

/// The workspace's folder of downloads and features.
const WORKSPACE_CACHE: &str = ".cache";

/// The folder of ONNX Runtime, with a folder for each version.
pub(crate) const RUNTIME: &str = "onnxruntime";

/// The folder of a model.
const RESULTS: &str = "results";

/// The committed model, from the build script; empty without the feature `built-in-model`.
static BUILT_IN: &[BuiltInFile] = include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

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
            workspace: std::env::current_dir().ok().and_then(|current| workspace_around(&current)),
            program: program_folder(),
            data: user.as_ref().map(|user| user.data_dir().join(NAME)),
            cache: user.as_ref().map(|user| user.cache_dir().join(NAME)),
        }
    }

    /// The given model, or else the first one that is found, or else the built-in one.
    pub(crate) fn results(&self, given: Option<&Path>) -> Result<Results, Failure> {
        if let Some(given) = given {
            return Ok(given.into());
        }
        let folders = self.all_results();
        // Another folder could have this name.
        let has_model = |folder: &&PathBuf| {
            let mut names = [MODEL_FILE, INT8_MODEL_FILE].into_iter();
            names.any(|name| folder.join(name).is_file())
        };
        let found = folders.iter().find(has_model).map(Results::from);
        found.or_else(built_in).ok_or_else(|| {
            let searched = folders.iter().map(|folder| folder.display().to_string());
            Failure::NoModel { searched: searched.collect() }
        })
    }

    /// The folders to search for a model if none is given.
    fn all_results(&self) -> Vec<PathBuf> {
        let here = PathBuf::new();
        let others = [&self.workspace, &self.program, &self.data];
        let others = others.into_iter().flatten().filter(|one| **one != here);
        once(&here).chain(others).map(|folder| folder.join(RESULTS)).collect()
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

    /// The path of a downloaded file, such as `backbone/mobilenet_v2.safetensors`, or else where it would be stored.
    #[cfg(feature = "training")]
    pub(crate) fn download(&self, given: Option<&Path>, file: &Path) -> PathBuf {
        let target = self.downloads(given).join(file);
        // The other folders may have earlier downloads.
        let others = [self.workspace_cache(), self.data.clone()].into_iter().flatten();
        let mut files = once(target.clone()).chain(others.map(|folder| folder.join(file)));
        files.find(|file| file.is_file()).unwrap_or(target)
    }

    /// Where to search for ONNX Runtime. `library` is the given one.
    pub(crate) fn libraries(&self, given: Option<&Path>, library: Option<PathBuf>) -> SearchPaths {
        let runtime = |folder: PathBuf| folder.join(RUNTIME);
        let mut folders = Vec::from_iter(given.map(|given| given.join(RUNTIME)));
        folders.extend(self.workspace_cache().map(runtime));
        if let Some(program) = &self.program {
            folders.push(program.clone());
            folders.extend(python_packages(program));
        }
        folders.extend(self.data.clone().map(runtime));
        let empty = SearchPaths::empty().with_library(library).with_system();
        folders.into_iter().fold(empty, SearchPaths::with_folder)
    }

    fn choose(&self, given: Option<&Path>, user: Option<&Path>) -> PathBuf {
        let given = given.map(Path::to_owned);
        let or_workspace = given.or_else(|| self.workspace_cache());
        let or_user = or_workspace.or_else(|| user.map(Path::to_owned));
        or_user.unwrap_or_else(|| WORKSPACE_CACHE.into())
    }

    fn workspace_cache(&self) -> Option<PathBuf> {
        self.workspace.as_ref().map(|folder| folder.join(WORKSPACE_CACHE))
    }
}

/// The built-in model, if there is one.
fn built_in() -> Option<Results> {
    (!BUILT_IN.is_empty()).then_some(Results::BuiltIn(BUILT_IN))
}

/// The workspace around a folder; empty if it is the folder itself, which keeps paths short.
fn workspace_around(current: &Path) -> Option<PathBuf> {
    let mut folders = current.ancestors();
    let root = folders.find(|folder| folder.join(MARKER).is_file())?;
    Some(if root == current { PathBuf::new() } else { root.to_owned() })
}

/// The folder of the running program, with links resolved.
fn program_folder() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let program = fs_err::canonicalize(&program).unwrap_or(program);
    program.parent().map(Path::to_owned)
}

/// The folders of the Python package `onnxruntime` in the program's environment. If pip installed the program, it also
/// installed that package.
fn python_packages(program: &Path) -> Vec<PathBuf> {
    let Some(environment) = program.parent() else {
        return Vec::new();
    };
    // `lib/python3.13/site-packages`; Debian's own is `dist-packages`, Windows has no folder for each version, and
    // `pip install --target` puts packages beside `bin`.
    let libraries = ["lib", "lib64", "Lib"].map(|name| environment.join(name));
    let versions = libraries.iter().flat_map(|library| pythons(library));
    let roots = versions.chain(libraries.iter().cloned());
    let packages =
        roots.flat_map(|root| ["site-packages", "dist-packages"].map(|name| root.join(name)));
    let all = packages.chain([environment.to_owned()]);
    let capi = all.map(|folder| folder.join("onnxruntime/capi"));
    capi.filter(|folder| folder.is_dir()).collect()
}

/// The folders of Python versions, sorted.
fn pythons(library: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(library).into_iter().flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_python = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("python3")
    };
    let mut folders: Vec<PathBuf> = paths.filter(is_python).collect();
    folders.sort();
    folders
}

#[cfg(test)]
mod tests {
    use pet_model::{CARD_FILE, CONFUSION_FILE, CURVES_FILE, METRICS_FILE, SELECTION_FILE};

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

    #[test]
    fn the_workspace_is_found_from_its_folders() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = package.ancestors().nth(2).unwrap();
        assert_eq!(workspace_around(root), Some(PathBuf::new()));
        assert_eq!(workspace_around(&package.join("src")), Some(root.to_owned()));
        let elsewhere = tempfile::tempdir().unwrap();
        assert_eq!(workspace_around(elsewhere.path()), None);
    }

    #[test]
    fn packages_are_found_in_every_layout() {
        let environment = tempfile::tempdir().unwrap();
        let program = environment.path().join("bin");
        assert!(python_packages(&program).is_empty());
        let layouts = [
            "lib/python3.11/site-packages",
            "lib/python3.13/dist-packages",
            "Lib/site-packages",
            ".",
        ];
        let mut expected = Vec::new();
        for layout in layouts {
            let folder = environment.path().join(layout).join("onnxruntime/capi");
            fs_err::create_dir_all(&folder).unwrap();
            expected.push(folder);
        }
        fs_err::create_dir_all(environment.path().join("lib/perl/site-packages/onnxruntime/capi"))
            .unwrap();
        assert_eq!(python_packages(&program), expected);
        assert!(python_packages(Path::new("/")).is_empty());
    }

    #[test]
    fn the_built_in_model_is_the_committed_one() {
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results");
        let committed = Results::from(committed);
        let expected = cfg!(feature = "built-in-model")
            && [INT8_MODEL_FILE, MODEL_FILE].iter().any(|name| committed.contains(name));
        assert_eq!(built_in().is_some(), expected);
        let known = [
            INT8_MODEL_FILE,
            MODEL_FILE,
            METRICS_FILE,
            SELECTION_FILE,
            CURVES_FILE,
            CONFUSION_FILE,
            CARD_FILE,
        ];
        for (name, bytes) in BUILT_IN {
            assert!(known.contains(name), "{name}");
            assert!(committed.read(name).unwrap() == *bytes, "{name} differs");
        }
    }
}
