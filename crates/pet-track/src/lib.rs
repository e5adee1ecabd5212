//! One training run as one MLflow run and one registered model version.
