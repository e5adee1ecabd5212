//! Everything recorded in `mlflow.db`, which MLflow opens afterwards.

use crate::program::{Program, TRAIN};
use crate::python;
use crate::server::{Server, free_port};
use crate::with_server::{check, check_classes};

#[test]
fn mlflow_opens_our_database_and_we_go_on_writing_to_it() {
    let test = "mlflow_opens_our_database_and_we_go_on_writing_to_it";
    let (Some(python), Some(program)) = (python::find(test), Program::new(test)) else {
        return;
    };
    program.pipeline();
    let (folder, store) = (program.folder(), "sqlite:///mlflow.db");
    let pictures = program.pictures(test);
    let seen = python::run(&python, folder, "look.py", store, &pictures);
    check(&program, &seen, 2);
    check_classes(&program, &seen, &pictures);

    // The Python client has upgraded it; now a server runs on it, and we train once more.
    let server = Server::tracking(&python, folder, store, free_port());
    program.run(&format!("{TRAIN} --epochs 2 --seed 7"));
    program.run("select");
    let seen = python::run(&python, folder, "look.py", &server.url(), &pictures);
    check(&program, &seen, 3);
}
