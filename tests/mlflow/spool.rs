//! A server that is killed during training.

use std::process::Stdio;
use std::time::{Duration, Instant};

use mlflow_client::{Client, Config, RunQuery, RunStatus};

use crate::program::{Program, TRAIN};
use crate::python;
use crate::server::{Server, free_port};

/// Enough epochs for the server to be killed among them.
const EPOCHS: usize = 400;

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
