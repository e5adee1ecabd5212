//! System metrics, as MLflow's client logs them.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mlflow_client::{Client, Config, RunQuery};
use serde_json::Value;

use crate::program::{Program, TRAIN};
use crate::python::{self, Server, free_port};

/// Far longer than anything here takes, even on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(2);
const BUSY: &str = "system/cpu_utilization_percentage";

#[test]
fn resumed_run_continues_system_metrics() {
    let (Some(python), Some(mut program)) = (python::find(), Program::new()) else { return };
    let home = tempfile::tempdir().unwrap();
    let server = Server::tracking(&python, home.path(), "sqlite:///server.db", free_port());
    program.server = Some(server.url());
    let client = Client::open(&Config::new(server.url().parse().unwrap())).unwrap();

    // Enabled by MLflow's variable first, then by the option.
    let mut training = program.command(&format!("{TRAIN} --epochs 1000000"));
    training.env("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true");
    let first = interrupted(training, || points(&client) >= 2, &client);
    let runs: Value = program.json("runs list");
    let run = runs[0]["run_id"].as_str().unwrap();
    let again = program.command(&format!("train --resume {run} --system-metrics"));
    interrupted(again, || points(&client) >= first + 2, &client);

    let seen = python::run(&python, home.path(), "system_metrics.py", &server.url(), &[run.into()]);
    assert_eq!(seen["enabled_by"], "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING");
    assert_eq!(seen["ours"], seen["theirs"]);
    assert_eq!(seen["ours"].as_array().unwrap().len(), 8);
    for (key, steps) in seen["steps"].as_object().unwrap() {
        let steps: Vec<usize> = serde_json::from_value(steps.clone()).unwrap();
        assert_eq!(steps, (0..steps.len()).collect::<Vec<_>>(), "{key}");
        assert!(steps.len() >= first + 2, "{key}");
    }
}

/// Runs a training until a condition holds, and stops it with Ctrl-C. Returns the number of points.
fn interrupted(mut command: Command, there: impl Fn() -> bool, client: &Client) -> usize {
    let mut child = command
        .env("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.2")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait(&mut child, there);
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(1), "it was interrupted");
    points(client)
}

fn wait(child: &mut Child, there: impl Fn() -> bool) {
    let start = Instant::now();
    while !there() {
        let ended = child.try_wait().unwrap();
        if ended.is_some() || start.elapsed() > TIMEOUT {
            let _ = child.kill();
            panic!("the training did not get there: {ended:?}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The number of points of the latest run.
fn points(client: &Client) -> usize {
    let Ok(Some(experiment)) = client.find_experiment("OxfordPetExperiment") else {
        return 0;
    };
    let Some(run) = client.search_runs(&RunQuery::new(&experiment.id)).next() else {
        return 0;
    };
    client.metric_history(&run.unwrap().id, BUSY).unwrap().len()
}
