//! The client from outside: the same suite against every store, a faulty server, and MLflow itself.

mod config;
mod faulty;
mod mlflow;
mod python;
mod suite;

/// The suite against the local store.
#[test]
fn local_store() {
    let folder = tempfile::tempdir().unwrap();
    let client = mlflow_client::Client::local(folder.path()).unwrap();
    suite::run(&client);
}
