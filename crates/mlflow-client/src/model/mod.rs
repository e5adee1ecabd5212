//! The MLflow Model format: a folder that MLflow's own tools load, serve and score.

mod python;
mod signature;
mod yaml;

pub use python::{Cell, Column, ColumnKind, PythonFunction, Versions};
pub use signature::{DataType, ExampleTensor, Signature, TensorSpec};

use crate::artifact::folder_of;
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
#[derive(Debug, Clone, Default, PartialEq)]
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
    const CODE: &str = "code";

    /// A model without example, metadata and origin.
    pub fn new(
        uuid: impl Into<String>,
        created: impl Into<Timestamp>,
        signature: Signature,
    ) -> Self {
        Self { uuid: uuid.into(), created: created.into(), signature, ..Self::default() }
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

    /// The text of `MLmodel`, by which MLflow recognizes a model.
    fn manifest(&self) -> String {
        let signature = match &self.python {
            Some(python) => python.signature(),
            None => self.signature.to_json(),
        };
        let mut fields = json!({
            "flavors": self.flavors(),
            "mlflow_version": self.versions.mlflow,
            "model_uuid": self.uuid,
            "signature": signature,
            "utc_time_created": self.created.to_string(),
        });
        if let Some(origin) = &self.origin {
            fields["artifact_path"] = json!(origin.artifact_path);
            fields["run_id"] = json!(origin.run_id);
        }
        if !self.metadata.is_empty() {
            fields["metadata"] = json!(self.metadata);
        }
        if self.has_example() {
            fields["saved_input_example_info"] = self.example_info();
        }
        yaml::block(&fields)
    }

    fn has_example(&self) -> bool {
        self.python.as_ref().map_or(!self.example.is_empty(), |python| !python.example.is_empty())
    }

    fn flavors(&self) -> Value {
        let mut function = json!({
            "data": Self::NETWORK,
            "env": { "conda": "conda.yaml", "virtualenv": "python_env.yaml" },
            "loader_module": "mlflow.onnx",
            "python_version": self.versions.python,
        });
        if let Some(python) = &self.python {
            function["code"] = json!(Self::CODE);
            function["loader_module"] = json!(python.loader_module);
        }
        json!({
            "onnx": {
                "code": null,
                "data": Self::NETWORK,
                "onnx_session_options": null,
                "onnx_version": self.versions.onnx,
                "providers": ["CPUExecutionProvider"],
            },
            "python_function": function,
        })
    }

    fn example_info(&self) -> Value {
        let mut info = json!({
            "artifact_path": "input_example.json",
            "serving_input_path": "serving_input_example.json",
            "type": "ndarray",
        });
        if self.python.is_some() {
            info["type"] = json!("dataframe");
            info["pandas_orient"] = json!("split");
        }
        info
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
mod tests {
    use super::*;

    fn model() -> OnnxModel {
        let signature = Signature::new(
            [TensorSpec::new("x", DataType::Float32, &[-1, 2])],
            [TensorSpec::new("y", DataType::Float32, &[-1, 3])],
        );
        let created = Timestamp::from_millis(1_795_394_976_972);
        OnnxModel::new("4e4a4426d01f4796b94acae54a673f37", created, signature)
            .example(ExampleTensor::new("x", &[2, 2], [1.0, 0.1, -3.5, 0.0]))
            .metadata("val_acc", 0.91)
    }

    fn write(model: &OnnxModel) -> Result<(tempfile::TempDir, PathBuf)> {
        let place = tempfile::tempdir().unwrap();
        let network = place.path().join("any.onnx");
        fs_err::write(&network, b"network").unwrap();
        let folder = place.path().join("deep/model");
        model.write(&network, &folder)?;
        Ok((place, folder))
    }

    #[test]
    fn the_manifest_is_as_mlflow_writes_it() {
        let (_place, folder) = write(&model()).unwrap();
        let manifest = fs_err::read_to_string(folder.join("MLmodel")).unwrap();
        let expected = "\
flavors:
  onnx:
    code: null
    data: model.onnx
    onnx_session_options: null
    onnx_version: \"1.23.2\"
    providers:
      - CPUExecutionProvider
  python_function:
    data: model.onnx
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.onnx
    python_version: \"3.11.7\"
metadata:
  val_acc: 0.91
mlflow_version: \"3.17.2\"
model_uuid: \"4e4a4426d01f4796b94acae54a673f37\"
saved_input_example_info:
  artifact_path: input_example.json
  serving_input_path: serving_input_example.json
  type: ndarray
signature:
  inputs: \"[{\\\"name\\\":\\\"x\\\",\\\"tensor-spec\\\":{\\\"dtype\\\":\\\"float32\\\",\\\"shape\\\":[-1,2]},\\\"type\\\":\\\"tensor\\\"}]\"
  outputs: \"[{\\\"name\\\":\\\"y\\\",\\\"tensor-spec\\\":{\\\"dtype\\\":\\\"float32\\\",\\\"shape\\\":[-1,3]},\\\"type\\\":\\\"tensor\\\"}]\"
  params: null
utc_time_created: \"2026-11-23 00:49:36.972000\"
";
        assert_eq!(manifest, expected);
    }

    #[test]
    fn everything_is_in_the_folder_and_nothing_beside_it() {
        let extra = tempfile::tempdir().unwrap();
        let weights = extra.path().join("weights.safetensors");
        fs_err::write(&weights, "w").unwrap();
        let model = model().extra_file(weights);
        let (_place, folder) = write(&model).unwrap();
        let names = |folder: &Path| -> Vec<_> {
            let entries = fs_err::read_dir(folder).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let expected = [
            "MLmodel",
            "conda.yaml",
            "input_example.json",
            "model.onnx",
            "python_env.yaml",
            "requirements.txt",
            "serving_input_example.json",
            "weights.safetensors",
        ];
        assert_eq!(names(&folder), expected);
        assert_eq!(names(folder.parent().unwrap()), ["model"]);
        assert_eq!(fs_err::read(folder.join("model.onnx")).unwrap(), b"network");
        let example = fs_err::read_to_string(folder.join("serving_input_example.json")).unwrap();
        assert_eq!(example, r#"{"inputs":{"x":[[1.0,0.1],[-3.5,0.0]]}}"#);
    }

    #[test]
    fn an_example_must_fit_the_signature() {
        let mut wrong = model();
        wrong.example[0].shape = vec![4, 1];
        assert!(matches!(write(&wrong), Err(Error::Invalid { .. })));
        wrong.example[0].shape = vec![3, 2];
        assert!(matches!(write(&wrong), Err(Error::Invalid { .. })));
        wrong.example[0].name = "z".to_owned();
        assert!(matches!(write(&wrong), Err(Error::Invalid { .. })));
    }

    #[test]
    fn nothing_is_replaced() {
        let (place, folder) = write(&model()).unwrap();
        let network = place.path().join("any.onnx");
        assert!(matches!(model().write(&network, &folder), Err(Error::AlreadyExists { .. })));
        let mut greedy = model();
        greedy.extra_files.push(folder.join("MLmodel"));
        let error = greedy.write(&network, &place.path().join("other")).unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }));
        assert!(!place.path().join("other").exists());
        let missing = place.path().join("none.onnx");
        assert!(matches!(
            model().write(&missing, &place.path().join("other")),
            Err(Error::Io { .. })
        ));
        assert_eq!(fs_err::read_dir(place.path()).unwrap().count(), 2, "no remains");
    }

    #[test]
    fn a_function_of_ones_own_takes_a_table() {
        let function = PythonFunction::new("loader")
            .code("loader.py", "pass\n")
            .requirement("pillow==13.0.0")
            .input("image", ColumnKind::Binary)
            .output("class", ColumnKind::Text)
            .output("scores", ColumnKind::Doubles)
            .example(Cell::Binary(b"png".to_vec()));
        let mut model = model().python(function);
        let (place, folder) = write(&model).unwrap();
        let read = |name: &str| fs_err::read_to_string(folder.join(name)).unwrap();
        let manifest = read("MLmodel");
        for line in [
            "    code: code",
            "    loader_module: loader",
            "  pandas_orient: split",
            "  type: dataframe",
        ] {
            assert!(manifest.lines().any(|found| found == line), "{manifest}");
        }
        assert!(manifest.contains(r#"\"name\":\"image\",\"required\":true,\"type\":\"binary\""#));
        assert_eq!(read("code/loader.py"), "pass\n");
        assert!(read("requirements.txt").ends_with("onnxruntime==1.28.0\npillow==13.0.0\n"));
        assert!(read("conda.yaml").contains("  - pillow==13.0.0\n"));
        assert_eq!(
            read("serving_input_example.json"),
            r#"{"dataframe_split":{"columns":["image"],"data":[["cG5n"]]}}"#
        );

        let python = model.python.as_mut().unwrap();
        python.code.insert("../x.py".to_owned(), String::new());
        let network = place.path().join("any.onnx");
        let error = model.write(&network, &place.path().join("other")).unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
    }
}
