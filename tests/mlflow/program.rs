//! `pet-cli` in a temporary folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pet_tests::{backbone_bytes, photographs, runtime, sample_pictures, small_data_set};
use serde_json::Value;
use tempfile::TempDir;

/// What is trained: a drawn data set and a random backbone.
pub(crate) const TRAIN: &str = "train --dataset folder --data-dir pets --backbone backbone.safetensors --model-name oxford_pet_classifier";
/// Number of photographs that the program and Python predict.
const PHOTOGRAPHS: usize = 12;

/// A folder to run the program in, with everything that training needs.
pub(crate) struct Program {
    folder: TempDir,
    library: PathBuf,
    /// The tracking server; `None` for `mlflow.db` in the folder.
    pub(crate) server: Option<String>,
}

impl Program {
    /// `None` without ONNX Runtime.
    pub(crate) fn new() -> Option<Self> {
        let library = runtime()?.library().to_owned();
        let folder = tempfile::tempdir().unwrap();
        small_data_set(&folder.path().join("pets"), 5);
        fs_err::write(folder.path().join("backbone.safetensors"), backbone_bytes()).unwrap();
        Some(Self { folder, library, server: None })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The program with arguments, separated by spaces.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pet-cli"));
        for (name, _) in std::env::vars_os() {
            let shown = name.to_string_lossy();
            if ["PET_", "MLFLOW_", "OTEL_"].iter().any(|prefix| shown.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        command
            .args(arguments.split_whitespace())
            .current_dir(self.folder())
            .env("ORT_DYLIB_PATH", &self.library)
            .env("PET_CACHE_DIR", ".cache")
            .env("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
            .stdin(Stdio::null());
        if let Some(server) = &self.server {
            command.env("MLFLOW_TRACKING_URI", server);
        }
        command
    }

    /// Runs the program, which must succeed, and returns its output.
    pub(crate) fn run(&self, arguments: &str) -> String {
        let output = self.command(arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "pet-cli {arguments}\n{errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn json(&self, arguments: &str) -> Value {
        serde_json::from_str(&self.run(&format!("{arguments} --json"))).unwrap()
    }

    /// Trains twice, selects and exports.
    pub(crate) fn pipeline(&self) {
        self.run(&format!("{TRAIN} --epochs 3 --learning-rate 0.001 0.01"));
        let selected = self.json("select");
        self.run("export");
        let version = selected["version"].as_str().unwrap();
        self.run(&format!("models alias oxford_pet_classifier champion {version}"));
    }

    /// Photographs, real ones if available.
    pub(crate) fn pictures(&self) -> Vec<PathBuf> {
        if let Some(mut files) = photographs() {
            files.truncate(PHOTOGRAPHS);
            return files;
        }
        let drawn = sample_pictures(PHOTOGRAPHS).into_iter().enumerate();
        let write = |(index, bytes)| {
            let file = self.folder().join(format!("picture_{index}.jpg"));
            fs_err::write(&file, bytes).unwrap();
            file
        };
        drawn.map(write).collect()
    }
}
