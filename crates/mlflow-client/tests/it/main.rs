//! The client from outside: the same suite against every store, a faulty server, and MLflow itself.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

mod config;
mod faulty;
mod mlflow;
mod python;
mod suite;

/// The moment so many milliseconds after the beginning of 1970.
const fn at(milliseconds: i64) -> mlflow_client::Timestamp {
    mlflow_client::Timestamp::from_millis(milliseconds)
}

/// The suite against the local store.
#[test]
fn local_store() {
    let folder = tempfile::tempdir().unwrap();
    let client = mlflow_client::Client::local(folder.path()).unwrap();
    suite::run(&client);
}
