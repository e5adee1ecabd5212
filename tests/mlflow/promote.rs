//! A champion that is replaced in the registry of MLflow's own server.

use std::path::Path;
use std::process::Output;

use mlflow_client::{Client, Config};
use serde_json::{Value, json};

use crate::program::{Program, TRAIN};
use crate::python::{self, Server, free_port};

/// What is trained here has hardly begun to learn, and the machine may be busy.
const PROMOTE: &str = "promote --dataset folder --data-dir pets --min-accuracy 0 --min-class-recall 0 \
                       --max-calibration-error 1 --max-latency 60000";

fn refused(program: &Program, arguments: &str) -> String {
    let Output { status, stderr, .. } = program.command(arguments).output().unwrap();
    let errors = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{arguments}: {errors}");
    errors
}

/// What the Python client sees.
fn seen(python: &Path, home: &Path, server: &Server) -> Value {
    python::run(python, home, "champion.py", &server.url(), &[])
}

#[test]
fn the_alias_of_the_champion_moves_on_a_server() {
    let (Some(python), Some(mut program)) = (python::find(), Program::new()) else { return };
    let home = tempfile::tempdir().unwrap();
    let server = Server::tracking(&python, home.path(), "sqlite:///server.db", free_port());
    program.server = Some(server.url());
    let seen = || seen(&python, home.path(), &server);

    let train = format!("{TRAIN} --epochs 3 --learning-rate 0.01");
    program.run(&train);
    let none = refused(&program, PROMOTE);
    assert!(none.contains("has the alias `challenger`"), "{none}");
    assert!(none.contains("hint: run `pet-cli select`"), "{none}");
    program.run("select");
    let first = program.run(PROMOTE);
    assert!(first.contains("is now `champion` (the first)"), "{first}");
    let found = seen();
    assert_eq!(found["aliases"], json!({ "challenger": 1, "champion": 1 }));
    assert_eq!(found["tags"]["1"]["validation_status"], "approved");
    assert_eq!(found["tags"]["1"]["promotion_against"], "none");

    // The same once more is no worse, and no better.
    program.run(&train);
    program.run("models alias oxford_pet_classifier challenger 2");
    let worse = refused(&program, &format!("{PROMOTE} --require-better"));
    assert!(worse.contains("does not meet the limits on mcnemar"), "{worse}");
    let found = seen();
    assert_eq!(found["aliases"], json!({ "challenger": 2, "champion": 1 }));
    assert_eq!(found["tags"]["2"]["validation_status"], "rejected");
    let second = program.run(PROMOTE);
    assert!(second.contains("(previously version 1)"), "{second}");
    let found = seen();
    assert_eq!(found["aliases"], json!({ "challenger": 2, "champion": 2 }));
    assert_eq!(found["tags"]["2"]["validation_status"], "approved");
    assert_eq!(found["tags"]["2"]["promotion_against"], "1");
    assert_eq!(program.json("export")["version"], "2");

    // Moved by somebody else, it is not moved from where it no longer is.
    let client = Client::open(&Config::new(server.url().parse().unwrap())).unwrap();
    let moved = client.move_alias("oxford_pet_classifier", "champion", Some(1), 1);
    let moved = moved.unwrap_err().to_string();
    assert!(moved.contains("expected version 1, found version 2"), "{moved}");
    assert_eq!(seen()["aliases"]["champion"], 2);
    let alias = refused(&program, "export --alias best");
    assert!(alias.contains("has the alias `best`"), "{alias}");
}
