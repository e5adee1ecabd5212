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
        if !self.example.is_empty() {
            fields.insert("saved_input_example_info".into(), example_info());
        }
        fields.insert("signature".into(), self.signature.to_json());
        fields.insert("utc_time_created".into(), json!(time::utc(self.created)));
        yaml::block(&Value::Object(fields))
    }

    fn flavors(&self) -> Value {
        json!({
            "onnx": {
                "code": null,
                "data": Self::NETWORK,
                "onnx_session_options": null,
                "onnx_version": self.versions.onnx,
                "providers": ["CPUExecutionProvider"],
            },
            "python_function": {
                "data": Self::NETWORK,
                "env": { "conda": "conda.yaml", "virtualenv": "python_env.yaml" },
                "loader_module": "mlflow.onnx",
                "python_version": self.versions.python,
            },
        })
    }
}

fn example_info() -> Value {
    json!({
        "artifact_path": "input_example.json",
        "serving_input_path": "serving_input_example.json",
        "type": "ndarray",
    })
}
