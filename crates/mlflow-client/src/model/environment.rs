//! The Python environment that loads a model.

/// Versions of Python and its packages, written into the files that tools install from.
#[derive(Debug, Clone, PartialEq, Eq)]
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
