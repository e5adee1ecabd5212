//! Searching for hyper-parameters, on a small drawn data set and a random backbone.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mlflow_client::{Client, Run};
use serde_json::Value;

use crate::output::Output;
use crate::recorded::runs;
use crate::test_dir::TestDir;

const SWEEP: &str =
    "sweep --dataset folder --data-dir pets --backbone backbone.safetensors --epochs 2";

fn json(output: Output) -> Value {
    serde_json::from_str(&output.ok()).unwrap()
}

#[test]
fn a_grid_is_ranked_below_one_run() {
    let dir = TestDir::new();
    dir.prepare_training(5);
    let report = json(dir.run(&format!(
        "{SWEEP} --learning-rate 0.01 0.001 --weight-decay 0 0.1 --json"
    )));
    let trials = report["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 4, "{report}");
    let score = |trial: &Value| {
        (
            trial["val_acc"].as_f64(),
            trial["val_loss"].as_f64().map(|loss| -loss),
        )
    };
    assert!(
        trials
            .windows(2)
            .all(|pair| score(&pair[0]) >= score(&pair[1]))
    );
    assert_eq!(trials[0]["rank"], 1);
    assert_eq!(report["best_run_id"], trials[0]["run_id"]);

    let client = Client::local(dir.folder()).unwrap();
    let parent = report["run_id"].as_str().unwrap();
    let all = runs(&client);
    assert_eq!(all.len(), 5);
    let (parents, children): (Vec<_>, Vec<_>) = all.iter().partition(|run| run.id == parent);
    assert!(all.iter().all(|run| run.status.as_str() == "FINISHED"));
    let below = |run: &&Run| {
        run.tags
            .get("mlflow.parentRunId")
            .is_some_and(|id| id == parent)
    };
    assert!(children.iter().all(below));
    assert_eq!(parents[0].params["space.learning_rate"], "0.01, 0.001");
    assert_eq!(parents[0].params["method"], "grid");
    assert_eq!(parents[0].tags["sweep.best_run_id"], report["best_run_id"]);
    let best = parents[0].metrics["best_val_acc"].value;
    assert!((best - trials[0]["val_acc"].as_f64().unwrap()).abs() < 1e-12);

    // What is chosen from the registry is the best trial.
    let chosen = json(dir.run("select --json"));
    assert_eq!(chosen["run_id"], report["best_run_id"], "{chosen}");
}

#[test]
fn halving_goes_on_with_the_best_and_repeats_itself() {
    let dir = TestDir::new();
    dir.prepare_training(4);
    let command = format!(
        "{SWEEP} --method halving --trials 4 --learning-rate 0.03 0.01 0.003 --dropout 0 0.5 --json"
    );
    let first = json(dir.run(&command));
    let trials = first["trials"].as_array().unwrap();
    let rounds: Vec<_> = trials
        .iter()
        .map(|trial| trial["round"].as_u64().unwrap())
        .collect();
    assert_eq!(rounds, [2, 2, 1, 1, 1, 1], "{first}");
    assert_eq!(trials[0]["epochs"], 2);
    assert_eq!(trials[5]["epochs"], 1);
    let mut best: Vec<_> = trials[2..4]
        .iter()
        .map(|trial| trial["trial"].as_u64())
        .collect();
    let mut went_on: Vec<_> = trials[..2]
        .iter()
        .map(|trial| trial["trial"].as_u64())
        .collect();
    best.sort_unstable();
    went_on.sort_unstable();
    assert_eq!(went_on, best);

    let second = json(dir.run(&command));
    let what = |report: &Value| -> Vec<_> {
        let trials = report["trials"].as_array().unwrap().iter();
        trials
            .map(|trial| {
                (
                    trial["trial"].clone(),
                    trial["values"].clone(),
                    trial["val_loss"].clone(),
                )
            })
            .collect()
    };
    assert_eq!(what(&first), what(&second));
}

#[test]
fn people_get_a_table() {
    let dir = TestDir::new();
    dir.prepare_training(4);
    let text = dir
        .run(&format!(
            "{SWEEP} --method random --trials 2 --learning-rate 0.01 0.003 0.001"
        ))
        .ok();
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].contains("val_acc") && lines[0].contains("learning_rate"),
        "{text}"
    );
    assert!(
        lines[1].trim_start().starts_with("1 ") && lines[2].trim_start().starts_with("2 "),
        "{text}"
    );
    assert!(text.contains("pet-cli select"), "{text}");
}

#[test]
fn senseless_searches_are_refused_before_any_work() {
    let dir = TestDir::new();
    dir.prepare_training(2);
    dir.refused(&format!("{SWEEP} --trials 2 --learning-rate 0.1 0.2"))
        .naming(&["--trials", "grid"])
        .hinting("random");
    dir.refused(&format!(
        "{SWEEP} --method random --trials 3 --learning-rate 0.1 0.2"
    ))
    .naming(&["trials", "`3`", "`2` points"]);
    dir.refused(&format!("{SWEEP} --learning-rate 0.1 0.1"))
        .naming(&["learning_rate", "twice"]);
    dir.refused(&format!("{SWEEP} --dropout 0 1"))
        .naming(&["dropout"]);
    let output = dir.run(&format!("{SWEEP} --method random"));
    assert_eq!(output.status, Some(2), "{output:?}");
}

#[cfg(unix)]
#[test]
fn an_interrupted_sweep_is_killed_and_keeps_its_trials() {
    let dir = TestDir::new();
    dir.prepare_training(3);
    let mut child = dir
        .command(&format!("{SWEEP} --epochs 300 --learning-rate 0.01 0.009 0.008 0.007 0.006 0.005 0.004 0.003").replace("--epochs 2 ", ""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let client = Client::local(dir.folder()).unwrap();
    let finished = |runs: &[Run]| {
        runs.iter()
            .filter(|run| run.status.as_str() == "FINISHED")
            .count()
    };
    let start = Instant::now();
    while finished(&runs(&client)) < 1 {
        let ended = child.try_wait().unwrap();
        if ended.is_some() || start.elapsed() > Duration::from_mins(2) {
            let _ = child.kill();
            panic!("no trial came to its end: {ended:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    let output = Output::from(child.wait_with_output().unwrap())
        .refused()
        .naming(&["interrupted: "]);
    assert!(output.stdout.is_empty(), "{output:?}");
    let runs = runs(&client);
    assert!(finished(&runs) >= 1);
    let parent = runs.iter().find(|run| run.name == "sweep").unwrap();
    assert_eq!(parent.status.as_str(), "KILLED");
    assert!(parent.tags.contains_key("sweep.best_run_id"), "{parent:?}");
    assert!(runs.iter().all(|run| run.end_time.is_some()), "{runs:?}");
}
