//! The files that describe a model: `MLmodel`, by which MLflow recognizes it, and what Python needs to
//! load it.

use super::{OnnxModel, yaml};
use serde_json::{Map, Value, json};

impl OnnxModel {
    pub(super) fn manifest(&self) -> String {
        let mut fields = Map::new();
        if let Some(origin) = &self.origin {
            fields.insert("artifact_path".into(), json!(origin.artifact_path));
            fields.insert("run_id".into(), json!(origin.run_id));
        }
        fields.insert("flavors".into(), self.flavors());
        if !self.metadata.is_empty() {
            fields.insert("metadata".into(), json!(self.metadata));
        }
        fields.insert("mlflow_version".into(), json!(self.versions.mlflow));
        fields.insert("model_uuid".into(), json!(self.uuid));
        if self.has_example() {
            fields.insert("saved_input_example_info".into(), self.example_info());
        }
        let signature = match &self.python {
            Some(python) => python.signature(),
            None => self.signature.to_json(),
        };
        fields.insert("signature".into(), signature);
        fields.insert("utc_time_created".into(), json!(self.created.to_string()));
        yaml::block(&Value::Object(fields))
    }

    pub(super) fn has_example(&self) -> bool {
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

/// Versions of Python and its packages, written into the files that tools install from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Versions {
    /// Python.
    pub python: String,
    /// The package `mlflow`.
    pub mlflow: String,
    /// The package `numpy`.
    pub numpy: String,
    /// The package `onnx`.
    pub onnx: String,
    /// The package `onnxruntime`.
    pub onnxruntime: String,
}

impl Default for Versions {
    /// The versions this crate's output was tried with. ONNX Runtime 1.28 is the last one that
    /// sends no telemetry.
    fn default() -> Self {
        Self {
            python: "3.11.7".to_owned(),
            mlflow: "3.17.2".to_owned(),
            numpy: "2.4.6".to_owned(),
            onnx: "1.23.2".to_owned(),
            onnxruntime: "1.28.0".to_owned(),
        }
    }
}

impl Versions {
    fn packages(&self, further: &[String]) -> Vec<String> {
        let mut packages = vec![
            format!("mlflow=={}", self.mlflow),
            format!("numpy=={}", self.numpy),
            format!("onnx=={}", self.onnx),
            format!("onnxruntime=={}", self.onnxruntime),
        ];
        packages.extend_from_slice(further);
        packages
    }

    pub(super) fn requirements(&self, further: &[String]) -> String {
        self.packages(further).join("\n") + "\n"
    }

    pub(super) fn python_env(&self) -> String {
        format!(
            "python: {}\nbuild_dependencies:\n- pip\n- setuptools\n- wheel\ndependencies:\n- -r requirements.txt\n",
            self.python
        )
    }

    pub(super) fn conda(&self, further: &[String]) -> String {
        let packages = self.packages(further).join("\n  - ");
        format!(
            "channels:\n- conda-forge\ndependencies:\n- python={}\n- pip\n- pip:\n  - {packages}\nname: mlflow-env\n",
            self.python
        )
    }
}
