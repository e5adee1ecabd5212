//! A client for MLflow tracking and its model registry.
