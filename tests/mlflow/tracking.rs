//! Tracking on a server, on one that crashes during training, and in `mlflow.db`, which MLflow then opens.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use mlflow_client::{Client, Config, RunQuery, RunStatus};
use pet_tests::sha256;
use serde_json::{Value, json};

use crate::program::{Program, TRAIN};
use crate::python::{self, Server, free_port};

/// Enough epochs for the server to be killed among them.
const EPOCHS: usize = 400;

#[test]
fn mlflow_finds_loads_and_serves_what_was_trained() {
    let (Some(python), Some(mut program)) = (python::find(), Program::new()) else { return };
    let home = tempfile::tempdir().unwrap();
    let store = "sqlite:///server.db";
    let server = Server::tracking(&python, home.path(), store, free_port());
    program.server = Some(server.url());
    program.pipeline();
    assert!(!program.folder().join("mlflow.db").exists());
    assert!(!program.folder().join(".cache/spool").exists());

    let pictures = program.pictures();
    let seen = python::run(&python, home.path(), "look.py", &server.url(), &pictures);
    check(&program, &seen, 2);
    check_classes(&program, &seen, &pictures);

    let model = "models:/oxford_pet_classifier@champion";
    let arguments = ["models", "serve", "-m", model, "--env-manager", "local"];
    // The model server gets the model from the tracking server.
    let place = tempfile::tempdir().unwrap();
    let service = with_tracking(&python, place.path(), &server.url(), &arguments);
    let answers = python::run(&python, home.path(), "invoke.py", &service.url(), &pictures);
    assert_eq!(answers, seen["classes"]);
}

/// Starts a model server, which finds the tracking server by a start file in the folder.
fn with_tracking(python: &Path, folder: &Path, tracking: &str, arguments: &[&str]) -> Server {
    let script = folder.join("python");
    let text = format!(
        "#!/bin/sh\nPATH=\"$(dirname '{0}'):$PATH\" MLFLOW_TRACKING_URI={tracking} exec '{0}' \"$@\"\n",
        python.display()
    );
    fs_err::write(&script, text).unwrap();
    #[cfg(unix)]
    fs_err::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    Server::start(&script, folder, arguments, free_port())
}

/// Checks that the Python client and the program report the same.
fn check(program: &Program, seen: &Value, runs: usize) {
    let found = seen["runs"].as_array().unwrap();
    assert_eq!(found.len(), runs);
    for run in found {
        let id = run["id"].as_str().unwrap();
        let ours = program.json(&format!("runs show {id}"));
        assert_eq!(run["status"], "FINISHED");
        assert_eq!((&run["name"], &run["params"]), (&ours["name"], &ours["params"]));
        check_history(run, &ours);
        check_artifacts(program, run);
        check_tags(run);
    }
    let champion = program.json("models show oxford_pet_classifier");
    let champion = champion.as_array().unwrap().iter();
    let champion = champion.clone().find(|version| {
        let aliases = version["aliases"].as_array().unwrap();
        aliases.contains(&json!("champion"))
    });
    let champion = champion.unwrap();
    assert_eq!(seen["version"]["version"], champion["version"].to_string());
    assert_eq!(seen["version"]["run_id"], champion["run_id"]);
    assert!(seen["version"]["tags"]["val_acc"].is_string());
    assert_eq!(seen["versions"], runs);
    assert_eq!((&seen["example"], &seen["onnx_input"]), (&json!(1), &json!("input")));
}

/// Checks the four metrics of every epoch, bit for bit.
fn check_history(run: &Value, ours: &Value) {
    let epochs: usize = run["params"]["epochs"].as_str().unwrap().parse().unwrap();
    for (key, points) in run["history"].as_object().unwrap() {
        let ours = ours["history"][key].as_array().unwrap();
        let ours: Vec<Value> =
            ours.iter().map(|point| json!([point["step"], point["value"]])).collect();
        assert_eq!(points.as_array().unwrap(), &ours, "{key}");
        assert_eq!(ours.len(), epochs, "{key}");
    }
}

fn check_artifacts(program: &Program, run: &Value) {
    let place = tempfile::tempdir().unwrap();
    let id = run["id"].as_str().unwrap();
    let target = place.path().join("run");
    program.run(&format!("runs artifacts {id} --download {}", target.display()));
    let theirs = run["artifacts"].as_object().unwrap();
    for name in ["classes.json", "confusion_matrix.png", "metrics.json", "training_curves.png"] {
        assert!(theirs.contains_key(name), "{name} in {theirs:?}");
    }
    let ours = program.json(&format!("runs artifacts {id}"));
    assert_eq!(ours.as_array().unwrap().len(), theirs.len());
    for (path, digest) in theirs {
        let bytes = fs_err::read(target.join(path)).unwrap();
        assert_eq!(*digest, sha256(&bytes), "{path}");
    }
}

fn check_tags(run: &Value) {
    let tags = &run["tags"];
    for key in ["command", "duration", "host", "system", "package.pet-cli", "mlflow.source.name"] {
        assert!(tags[key].is_string(), "{key} in {tags}");
    }
    let note = tags["mlflow.note.content"].as_str().unwrap();
    assert!(note.contains("| best, ") && note.contains("mlflow.pyfunc.load_model"), "{note}");
    let datasets = run["datasets"].as_array().unwrap();
    assert_eq!(datasets.len(), 1, "{datasets:?}");
    assert_eq!(datasets[0][1].as_str().unwrap().len(), 32);
}

/// Checks that MLflow and the program predict the same classes. Pillow and our decoder differ by one level in some pixels,
/// which may decide between two classes of equal probability.
fn check_classes(program: &Program, seen: &Value, pictures: &[std::path::PathBuf]) {
    let files: Vec<&str> = pictures.iter().map(|file| file.to_str().unwrap()).collect();
    let ours = program.json(&format!("predict {}", files.join(" ")));
    let classes = seen["classes"].as_array().unwrap();
    assert_eq!(classes.len(), files.len());
    for (ours, theirs) in ours.as_array().unwrap().iter().zip(classes) {
        let ranked = ours["top_k"].as_array().unwrap();
        let probability = |rank: usize| ranked[rank]["probability"].as_f64().unwrap();
        let clear = probability(0) - probability(1) > 0.01;
        assert!(!clear || ranked[0]["class"] == *theirs, "{ours}: {theirs}");
    }
}

#[test]
fn no_metric_is_lost_when_the_server_crashes() {
    let (Some(python), Some(mut program)) = (python::find(), Program::new()) else { return };
    let home = tempfile::tempdir().unwrap();
    let store = "sqlite:///server.db";
    let port = free_port();
    let mut server = Server::tracking(&python, home.path(), store, port);
    program.server = Some(server.url());

    let arguments = format!("{TRAIN} --epochs {EPOCHS} --json");
    let mut command = program.command(&arguments);
    let training = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let client = Client::open(&Config::new(server.url().parse().unwrap())).unwrap();
    let arrived = wait_for_epochs(&client, 5);
    server.kill();
    let output = training.wait_with_output().unwrap();
    let notes = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{notes}");
    assert!(arrived < EPOCHS, "the training was faster than the test");
    assert!(notes.contains("pet-cli runs sync"), "{notes}");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(said[0]["run_id"].is_string() && said[0]["version"].is_null(), "{said}");

    let refused = program.command("runs sync").output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "the server is still away");
    let _server = Server::tracking(&python, home.path(), store, port);
    let sent = program.json("runs sync");
    assert_eq!((&sent[0]["run_id"], &sent[0]["versions"][0]), (&said[0]["run_id"], &1.into()));
    assert_eq!(program.run("runs sync").trim(), "nothing is waiting to be sent");

    let run = client.run(said[0]["run_id"].as_str().unwrap()).unwrap();
    assert_eq!(run.status, RunStatus::Finished);
    for key in ["train_loss", "train_acc", "val_loss", "val_acc"] {
        let history = client.metric_history(&run.id, key).unwrap();
        let steps: Vec<i64> = history.iter().map(|point| point.step).collect();
        assert_eq!(steps, (0..EPOCHS as i64).collect::<Vec<_>>(), "{key}");
    }
    // The model is complete: it can be selected and exported.
    program.run("select");
    program.run("export");
}

/// Waits until a run has this many epochs, and returns their number.
fn wait_for_epochs(client: &Client, epochs: usize) -> usize {
    let patience = Instant::now() + Duration::from_mins(3);
    while Instant::now() < patience {
        if let Some(experiment) = client.find_experiment("OxfordPetExperiment").unwrap()
            && let Some(run) = client.search_runs(&RunQuery::new(&experiment.id)).next()
        {
            let history = client.metric_history(&run.unwrap().id, "val_acc").unwrap();
            if history.len() >= epochs {
                return history.len();
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("no run began");
}

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
