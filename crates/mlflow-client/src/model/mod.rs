//! The MLflow Model format: a folder that MLflow's own tools load, serve and score.

mod manifest;
mod python;
mod signature;
mod yaml;

pub use manifest::Versions;
pub use python::{Cell, Column, ColumnKind, PythonFunction};
pub use signature::{DataType, ExampleTensor, Signature, TensorSpec};

use crate::artifact::folder::folder_of;
use crate::error::{Error, Result};
use crate::limits::invalid;
use crate::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// An ONNX model in MLflow's Model format, with the `onnx` and `python_function` flavors.
///
/// The same fields give the same bytes.
///
/// ```
/// use mlflow_client::model::{DataType, OnnxModel, Signature, TensorSpec};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// # let network = folder.path().join("trained.onnx");
/// # fs_err::write(&network, "an ONNX model")?;
/// let signature = Signature::new(
///     [TensorSpec::new("x", DataType::Float32, &[-1, 4])],
///     [TensorSpec::new("y", DataType::Float32, &[-1, 3])],
/// );
/// let model = OnnxModel::new(mlflow_client::random_id()?, mlflow_client::now(), signature)
///     .metadata("accuracy", 0.91);
/// model.write(&network, &folder.path().join("model"))?;
/// assert!(folder.path().join("model/MLmodel").is_file());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct OnnxModel {
    /// 32 hexadecimal digits of its own, see [`random_id`](crate::random_id).
    pub uuid: String,
    /// When it was created.
    pub created: Timestamp,
    /// Inputs and outputs.
    pub signature: Signature,
    /// One tensor per input of the signature; empty for no example, and not used beside a
    /// [`PythonFunction`].
    pub example: Vec<ExampleTensor>,
    /// Metadata, shown by MLflow.
    pub metadata: BTreeMap<String, Value>,
    /// The run that made it, with the path of the folder among its artifacts.
    pub origin: Option<Origin>,
    /// Versions of the Python packages that load it.
    pub versions: Versions,
    /// Files to copy beside the network, under their own names.
    pub extra_files: Vec<PathBuf>,
    /// Makes tables the input and output instead of tensors.
    pub python: Option<PythonFunction>,
}

/// Where a model came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin {
    /// The run.
    pub run_id: String,
    /// The folder among the run's artifacts, such as `model`.
    pub artifact_path: String,
}

impl OnnxModel {
    /// Name of the network's file in the folder.
    pub const NETWORK: &str = "model.onnx";
    /// Name of the folder with Python code.
    pub(crate) const CODE: &str = "code";

    /// A model without example, metadata and origin.
    pub fn new(
        uuid: impl Into<String>,
        created: impl Into<Timestamp>,
        signature: Signature,
    ) -> Self {
        Self {
            uuid: uuid.into(),
            created: created.into(),
            signature,
            example: Vec::new(),
            metadata: BTreeMap::new(),
            origin: None,
            versions: Versions::default(),
            extra_files: Vec::new(),
            python: None,
        }
    }

    /// Adds a tensor of an input example; there must be one per input of the signature.
    #[must_use]
    pub fn example(mut self, tensor: ExampleTensor) -> Self {
        self.example.push(tensor);
        self
    }

    /// Adds metadata, shown by MLflow.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Sets the run that made it, and the path of the folder among the run's artifacts.
    #[must_use]
    pub fn origin(mut self, run_id: impl Into<String>, artifact_path: impl Into<String>) -> Self {
        self.origin = Some(Origin { run_id: run_id.into(), artifact_path: artifact_path.into() });
        self
    }

    /// Adds a file to copy beside the network, under its own name.
    #[must_use]
    pub fn extra_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.extra_files.push(file.into());
        self
    }

    /// Makes tables the input and output instead of tensors.
    #[must_use]
    pub fn python(mut self, function: PythonFunction) -> Self {
        self.python = Some(function);
        self
    }

    /// Writes the folder with a copy of the network. The folder appears only when complete.
    ///
    /// # Errors
    /// [`AlreadyExists`](Error::AlreadyExists) when there is such a folder already,
    /// [`Invalid`](Error::Invalid) when the example does not fit the signature or an extra file
    /// would replace another, or when reading or writing fails.
    pub fn write(&self, network: &Path, folder: &Path) -> Result<()> {
        let files = self.files()?;
        if folder.exists() {
            return Err(Error::already_exists("folder", folder.display().to_string()));
        }
        let parent = folder_of(folder);
        fs_err::create_dir_all(parent)?;
        let temporary = tempfile::Builder::new().prefix(".writing-").tempdir_in(parent)?;
        // A folder made inside has the usual permissions; the temporary one is closed to others.
        let inner = temporary.path().join("model");
        fs_err::create_dir(&inner)?;
        for (name, content) in files {
            fs_err::write(inner.join(name), content)?;
        }
        if let Some(python) = &self.python {
            write_code(python, &inner.join(Self::CODE))?;
        }
        fs_err::copy(network, inner.join(Self::NETWORK))?;
        for file in &self.extra_files {
            add(file, &inner)?;
        }
        fs_err::rename(&inner, folder)?;
        Ok(())
    }

    /// The generated files, with their content.
    fn files(&self) -> Result<BTreeMap<&'static str, String>> {
        let further = self.python.as_ref().map_or(&[][..], |python| &python.requirements);
        let mut files = BTreeMap::from([
            ("MLmodel", self.manifest()),
            ("requirements.txt", self.versions.requirements(further)),
            ("python_env.yaml", self.versions.python_env()),
            ("conda.yaml", self.versions.conda(further)),
        ]);
        if self.has_example() {
            let (example, key) = match &self.python {
                Some(python) => (python.example_table(), "dataframe_split"),
                None => (self.signature.example(&self.example)?, "inputs"),
            };
            files.insert("input_example.json", example.to_string());
            // The same as a request to a model server.
            files.insert("serving_input_example.json", json!({ key: example }).to_string());
        }
        Ok(files)
    }
}

fn write_code(python: &PythonFunction, folder: &Path) -> Result<()> {
    fs_err::create_dir(folder)?;
    for (name, text) in &python.code {
        if Path::new(name).file_name() != Some(name.as_ref()) {
            return Err(invalid("name of a Python file", name, "a plain file name"));
        }
        fs_err::write(folder.join(name), text)?;
    }
    Ok(())
}

fn add(file: &Path, folder: &Path) -> Result<()> {
    match file.file_name().map(|name| folder.join(name)) {
        Some(target) if !target.exists() => {
            fs_err::copy(file, target)?;
            Ok(())
        }
        _ => {
            let expected = "a file name that is not used in the folder yet";
            Err(invalid("extra file", &file.to_string_lossy(), expected))
        }
    }
}

#[cfg(test)]
mod tests;
