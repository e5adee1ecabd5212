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
    /// The versions this crate's output was tried with.
    fn default() -> Self {
        Self {
            python: "3.11.7".to_owned(),
            mlflow: "3.17.2".to_owned(),
            numpy: "2.4.6".to_owned(),
            onnx: "1.23.2".to_owned(),
            onnxruntime: "1.32.0".to_owned(),
        }
    }
}

impl Versions {
    fn packages(&self) -> [String; 4] {
        [
            format!("mlflow=={}", self.mlflow),
            format!("numpy=={}", self.numpy),
            format!("onnx=={}", self.onnx),
            format!("onnxruntime=={}", self.onnxruntime),
        ]
    }

    pub(super) fn requirements(&self) -> String {
        self.packages().join("\n") + "\n"
    }

    pub(super) fn python_env(&self) -> String {
        format!(
            "python: {}\nbuild_dependencies:\n- pip\n- setuptools\n- wheel\ndependencies:\n- -r requirements.txt\n",
            self.python
        )
    }

    pub(super) fn conda(&self) -> String {
        let packages = self
            .packages()
            .map(|package| format!("  - {package}\n"))
            .concat();
        format!(
            "channels:\n- conda-forge\ndependencies:\n- python={}\n- pip\n- pip:\n{packages}name: mlflow-env\n",
            self.python
        )
    }
}
