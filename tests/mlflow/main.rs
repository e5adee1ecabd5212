//! The program together with MLflow itself: its server, its Python client, its model format.
//!
//! Needs a Python with `mlflow` at `PET_MLFLOW_PYTHON`, else in `.cache/mlflow-env`, and ONNX
//! Runtime; says `skipped: …` otherwise.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod program;
mod promote;
mod python;
mod server;
mod spool;
#[cfg(target_os = "linux")]
mod system_metrics;
mod traces;
mod with_server;
mod without_server;
