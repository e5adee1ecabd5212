//! Tests with MLflow: its server, its Python client and its model format.
//!
//! They need ONNX Runtime and a Python with `mlflow` at `PET_MLFLOW_PYTHON`, by default in `.cache/mlflow-env`, and are
//! skipped otherwise.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod program;
mod promote;
mod python;
#[cfg(target_os = "linux")]
mod system_metrics;
mod traces;
mod tracking;
