//! The Python that loads a model: a `python_function` flavor of its own, and the packages to install.

use super::signature::signature_json;
use base64::Engine as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A model from table to table, with Python code that is stored beside the network.
///
/// Without one, the `python_function` is MLflow's own for ONNX: tensors in, tensors out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PythonFunction {
    /// The module with the function `_load_pyfunc(path)`, which gets the path of the network and
    /// returns an object with `predict(table, params=None)`.
    pub loader_module: String,
    /// Python files: name, such as `loader.py`, and text.
    pub code: BTreeMap<String, String>,
    /// Packages it needs besides the usual ones, such as `pillow==13.0.0`.
    pub requirements: Vec<String>,
    /// Columns of the input table.
    pub inputs: Vec<Column>,
    /// Columns of the output table.
    pub outputs: Vec<Column>,
    /// One input row, in the order of `inputs`; empty for no example.
    pub example: Vec<Cell>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its cells hold.
    pub kind: ColumnKind,
}

impl Column {
    /// A column of this name.
    pub fn new(name: impl Into<String>, kind: ColumnKind) -> Self {
        Self { name: name.into(), kind }
    }
}

/// What the cells of a column hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnKind {
    /// Bytes; in JSON as base64.
    Binary,
    /// A text.
    Text,
    /// A number.
    Double,
    /// A list of numbers.
    Doubles,
}

/// A cell of an example.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cell {
    /// Bytes.
    Binary(Vec<u8>),
    /// A text.
    Text(String),
}

impl PythonFunction {
    /// A function that this module loads.
    pub fn new(loader_module: impl Into<String>) -> Self {
        Self { loader_module: loader_module.into(), ..Self::default() }
    }

    /// Adds a Python file.
    #[must_use]
    pub fn code(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.code.insert(name.into(), text.into());
        self
    }

    /// Adds a package it needs.
    #[must_use]
    pub fn requirement(mut self, requirement: impl Into<String>) -> Self {
        self.requirements.push(requirement.into());
        self
    }

    /// Adds a column of the input table.
    #[must_use]
    pub fn input(mut self, name: impl Into<String>, kind: ColumnKind) -> Self {
        self.inputs.push(Column::new(name, kind));
        self
    }

    /// Adds a column of the output table.
    #[must_use]
    pub fn output(mut self, name: impl Into<String>, kind: ColumnKind) -> Self {
        self.outputs.push(Column::new(name, kind));
        self
    }

    /// Adds a cell of the example.
    #[must_use]
    pub fn example(mut self, cell: Cell) -> Self {
        self.example.push(cell);
        self
    }

    pub(super) fn signature(&self) -> Value {
        signature_json(
            self.inputs.iter().map(Column::to_json),
            self.outputs.iter().map(Column::to_json),
        )
    }

    /// The example as pandas' orientation `split`.
    pub(super) fn example_table(&self) -> Value {
        let names: Vec<&String> = self.inputs.iter().map(|column| &column.name).collect();
        let row: Vec<Value> = self.example.iter().map(Cell::to_json).collect();
        json!({ "columns": names, "data": [row] })
    }
}

impl Column {
    fn to_json(&self) -> Value {
        let scalar = |kind| json!({ "type": kind, "name": self.name, "required": true });
        match self.kind {
            ColumnKind::Binary => scalar("binary"),
            ColumnKind::Text => scalar("string"),
            ColumnKind::Double => scalar("double"),
            ColumnKind::Doubles => json!({
                "type": "array",
                "items": { "type": "double" },
                "name": self.name,
                "required": true,
            }),
        }
    }
}

impl Cell {
    fn to_json(&self) -> Value {
        match self {
            Self::Binary(bytes) => {
                Value::String(base64::engine::general_purpose::STANDARD.encode(bytes))
            }
            Self::Text(text) => Value::String(text.clone()),
        }
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
