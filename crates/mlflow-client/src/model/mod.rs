//! The MLflow Model format: a folder that MLflow's own tools load, serve and score with.

mod environment;
mod example;
mod manifest;
mod python;
mod signature;
mod yaml;

pub use environment::Versions;
pub use example::ExampleTensor;
pub use python::{Cell, Column, ColumnKind, PythonFunction};
pub use signature::{DataType, Signature, TensorSpec};

use crate::error::{Error, Result};
use crate::limits::invalid;
use serde_json::Value;
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
/// let model = OnnxModel::new(mlflow_client::random_id()?, mlflow_client::now(), Signature {
///     inputs: vec![TensorSpec::new("x", DataType::Float32, &[-1, 4])],
///     outputs: vec![TensorSpec::new("y", DataType::Float32, &[-1, 3])],
/// });
/// model.write(&network, &folder.path().join("model"))?;
/// assert!(folder.path().join("model/MLmodel").is_file());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct OnnxModel {
    /// 32 hexadecimal digits of its own, see [`random_id`](crate::random_id).
    pub uuid: String,
    /// When it was made, in milliseconds since 1970.
    pub created: i64,
    /// What goes in and comes out.
    pub signature: Signature,
    /// One tensor per input of the signature; empty for no example, and not used beside a
    /// [`PythonFunction`].
    pub example: Vec<ExampleTensor>,
    /// Anything worth knowing, shown by MLflow.
    pub metadata: BTreeMap<String, Value>,
    /// The run that made it, with the path of the folder among its artifacts.
    pub origin: Option<Origin>,
    /// The Python packages that load it.
    pub versions: Versions,
    /// Files to be put beside the model, under their own names.
    pub extra_files: Vec<PathBuf>,
    /// A table in and out instead of tensors.
    pub python: Option<PythonFunction>,
}

/// Where a model came from.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub fn new(uuid: impl Into<String>, created: i64, signature: Signature) -> Self {
        Self {
            uuid: uuid.into(),
            created,
            signature,
            example: Vec::new(),
            metadata: BTreeMap::new(),
            origin: None,
            versions: Versions::default(),
            extra_files: Vec::new(),
            python: None,
        }
    }

    /// Writes the folder with a copy of the network. It is filled beside its place and renamed
    /// when complete.
    ///
    /// # Errors
    /// [`AlreadyExists`](Error::AlreadyExists) when there is such a folder already,
    /// [`Invalid`](Error::Invalid) when the example does not fit the signature or an extra file
    /// would replace another, or what reading and writing can meet.
    pub fn write(&self, network: &Path, folder: &Path) -> Result<()> {
        let files = self.files()?;
        if folder.exists() {
            return Err(Error::AlreadyExists {
                what: "folder",
                name: folder.display().to_string(),
            });
        }
        let parent = match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs_err::create_dir_all(parent)?;
        let place = tempfile::Builder::new()
            .prefix(".writing-")
            .tempdir_in(parent)?;
        // A folder made inside has the usual permissions; the temporary one is closed to others.
        let inner = place.path().join("model");
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

    /// The files that are made from the fields, with their content.
    fn files(&self) -> Result<BTreeMap<&'static str, String>> {
        let further = self
            .python
            .as_ref()
            .map_or(&[][..], |python| &python.requirements);
        let mut files = BTreeMap::from([
            ("MLmodel", self.manifest()),
            ("requirements.txt", self.versions.requirements(further)),
            ("python_env.yaml", self.versions.python_env()),
            ("conda.yaml", self.versions.conda(further)),
        ]);
        if self.has_example() {
            let (example, serving) = self.example()?;
            files.insert("input_example.json", example.to_string());
            files.insert("serving_input_example.json", serving.to_string());
        }
        Ok(files)
    }
}

impl OnnxModel {
    /// The example, and how to send it to a model server.
    fn example(&self) -> Result<(Value, Value)> {
        if let Some(python) = &self.python {
            let table = python.example_table();
            let serving = serde_json::json!({ "dataframe_split": &table });
            return Ok((table, serving));
        }
        let tensors = example::to_json(&self.example, &self.signature)?;
        let serving = serde_json::json!({ "inputs": &tensors });
        Ok((tensors, serving))
    }
}

fn write_code(python: &PythonFunction, folder: &Path) -> Result<()> {
    fs_err::create_dir(folder)?;
    for (name, text) in &python.code {
        if Path::new(name).file_name() != Some(name.as_ref()) {
            let expected = "a plain file name".to_owned();
            return Err(invalid("name of a Python file", name, expected));
        }
        fs_err::write(folder.join(name), text)?;
    }
    Ok(())
}

fn add(file: &Path, folder: &Path) -> Result<()> {
    let target = file.file_name().map(|name| folder.join(name));
    match target {
        Some(target) if !target.exists() => {
            fs_err::copy(file, target)?;
            Ok(())
        }
        _ => Err(invalid(
            "extra file",
            &file.to_string_lossy(),
            "a file whose name is not taken in the folder".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests;
