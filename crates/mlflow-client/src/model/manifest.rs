//! The file `MLmodel`, by which MLflow knows a folder as a model.

use super::{OnnxModel, yaml};
use crate::time;
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
        fields.insert("utc_time_created".into(), json!(time::utc(self.created)));
        yaml::block(&Value::Object(fields))
    }

    pub(super) fn has_example(&self) -> bool {
        match &self.python {
            Some(python) => !python.example.is_empty(),
            None => !self.example.is_empty(),
        }
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
