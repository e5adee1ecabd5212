//! A temporary folder to run the program in, and what the program prints.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

use mlflow_client::{Client, Run, RunQuery};
use pet_tests::{backbone_bytes, results_folder, runtime, small_data_set};
use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pet-cli");

/// A training on the data set `pets`, with the weights that [`TestDir::prepare_training`] creates too.
pub(crate) const TRAIN: &str =
    "train --dataset folder --data-dir pets --backbone backbone.safetensors";

/// A temporary folder in which the program runs, isolated from the user's files and environment.
pub(crate) struct TestDir {
    folder: TempDir,
    library: Option<PathBuf>,
}

impl TestDir {
    /// An empty folder for commands that don't need ONNX Runtime.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), library: None }
    }

    /// An empty folder for commands that need ONNX Runtime; `None` if it is not installed.
    pub(crate) fn with_runtime() -> Option<Self> {
        let library = runtime()?.library().to_owned();
        // A bare name is found by the system without our help.
        Some(Self { library: Some(library).filter(|library| library.is_absolute()), ..Self::new() })
    }

    /// A folder with a model in `results`; `None` without ONNX Runtime.
    pub(crate) fn with_model() -> Option<Self> {
        let dir = Self::with_runtime()?;
        results_folder(&dir.path("results"));
        Some(dir)
    }

    /// A folder with what a training needs; see [`Self::prepare_training`].
    pub(crate) fn with_training(images_per_class: usize) -> Self {
        let dir = Self::new();
        dir.prepare_training(images_per_class);
        dir
    }

    /// Creates the data set `pets` and the weights `backbone.safetensors`.
    pub(crate) fn prepare_training(&self, images_per_class: usize) {
        small_data_set(&self.path("pets"), images_per_class);
        self.write("backbone.safetensors", backbone_bytes());
    }

    /// The local tracking store.
    pub(crate) fn client(&self) -> Client {
        Client::local(self.folder()).unwrap()
    }

    /// The runs of the default experiment, starting with the latest.
    pub(crate) fn runs(&self) -> Vec<Run> {
        let client = self.client();
        let Some(experiment) = client.find_experiment("OxfordPetExperiment").unwrap() else {
            return Vec::new();
        };
        let runs = client.search_runs(&RunQuery::new(&experiment.id));
        runs.map(Result::unwrap).collect()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    }

    /// A command line of the program. Arguments are separated by spaces and can't contain them.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments.split_whitespace());
        self.prepare(&mut command);
        command
    }

    /// Runs a shell script in which `$PROGRAM` is the program.
    pub(crate) fn shell(&self, script: &str) -> Output {
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("PROGRAM", PROGRAM);
        self.prepare(&mut command);
        Output::of(&mut command)
    }

    fn prepare(&self, command: &mut Command) {
        let ours = |name: &OsStr| {
            let name = name.to_string_lossy();
            ["PET_", "MLFLOW_", "ORT_", "OTEL_", "RUST_", "XDG_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        };
        for (name, _) in std::env::vars_os().filter(|(name, _)| ours(name)) {
            command.env_remove(name);
        }
        command
            .env_remove("COLUMNS")
            .env("ORT_DISABLE_TELEMETRY", "1")
            .env("PET_CACHE_DIR", ".cache")
            .env("HOME", self.folder.path().join("home"))
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        if let Some(library) = &self.library {
            command.env("ORT_DYLIB_PATH", library);
        }
    }

    /// Runs the program; see [`Self::command`] for the arguments.
    pub(crate) fn run(&self, arguments: &str) -> Output {
        Output::of(&mut self.command(arguments))
    }

    /// Runs the program, which must fail without a change to any file.
    pub(crate) fn refused(&self, arguments: &str) -> Output {
        let before = self.files();
        let output = self.run(arguments).refused();
        assert_eq!(self.files(), before, "files after: pet-cli {arguments}");
        output
    }

    /// Paths and sizes of all files and folders.
    pub(crate) fn files(&self) -> BTreeSet<(PathBuf, u64)> {
        let mut files = BTreeSet::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs_err::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let metadata = fs_err::symlink_metadata(&path).unwrap();
                if metadata.is_dir() {
                    folders.push(path.clone());
                }
                let length = if metadata.is_dir() { 0 } else { metadata.len() };
                files.insert((path, length));
            }
        }
        files
    }
}

#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    pub(crate) fn of(command: &mut Command) -> Self {
        command.output().unwrap().into()
    }

    /// Checks that the program succeeded, and returns its standard output.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.status, Some(0), "{self:?}");
        self.stdout
    }

    /// Checks that the program succeeded, and parses its standard output.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// Checks that the program failed properly: status 1, one `error: ` line, at most one hint, no panic.
    #[track_caller]
    pub(crate) fn refused(self) -> Self {
        assert_eq!(self.status, Some(1), "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        let starting =
            |prefix: &str| self.stderr.lines().filter(|line| line.starts_with(prefix)).count();
        assert_eq!(starting("error: "), 1, "{}", self.stderr);
        assert!(starting("hint: ") <= 1, "{}", self.stderr);
        self
    }

    /// Checks that the program rejected its arguments: status 2.
    #[track_caller]
    pub(crate) fn misused(self) -> Self {
        assert_eq!(self.status, Some(2), "{self:?}");
        self
    }

    /// Checks that the error message contains all `parts`.
    #[track_caller]
    pub(crate) fn naming(self, parts: &[&str]) -> Self {
        let start = self.stderr.find("error: ").unwrap_or_default();
        let end = self.stderr.find("\nhint: ").unwrap_or(self.stderr.len());
        let error = &self.stderr[start..end];
        for part in parts {
            assert!(error.contains(part), "no `{part}` in:\n{}", self.stderr);
        }
        self
    }

    /// Checks that there is a hint that contains `part`.
    #[track_caller]
    pub(crate) fn hinting(self, part: &str) -> Self {
        let hint = self.stderr.lines().find_map(|line| line.strip_prefix("hint: "));
        assert!(hint.is_some_and(|hint| hint.contains(part)), "{}", self.stderr);
        self
    }
}

impl From<process::Output> for Output {
    fn from(output: process::Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
