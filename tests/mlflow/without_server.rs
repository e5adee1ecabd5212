//! Tracking in `mlflow.db`, which MLflow then opens.

use crate::program::{Program, TRAIN};
use crate::python;
use crate::server::{Server, free_port};
use crate::with_server::{check, check_classes};

#[test]
fn mlflow_upgrades_our_database_and_we_keep_writing() {
    let (Some(python), Some(program)) = (python::find(), Program::new()) else { return };
    program.pipeline();
    let (folder, store) = (program.folder(), "sqlite:///mlflow.db");
    let pictures = program.pictures();
    let seen = python::run(&python, folder, "look.py", store, &pictures);
    check(&program, &seen, 2);
    check_classes(&program, &seen, &pictures);

    // The Python client has upgraded the database; now a server uses it, and we train again.
    let server = Server::tracking(&python, folder, store, free_port());
    program.run(&format!("{TRAIN} --epochs 2 --seed 7"));
    program.run("select");
    let seen = python::run(&python, folder, "look.py", &server.url(), &pictures);
    check(&program, &seen, 3);
}
