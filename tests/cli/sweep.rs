//! `pet-cli sweep`

use mlflow_client::Run;
use serde_json::Value;

use crate::running::Running;
use crate::test_dir::TestDir;

const SWEEP: &str =
    "sweep --dataset folder --data-dir pets --backbone backbone.safetensors --epochs 2";

#[test]
fn grid_trials_are_child_runs_with_ranks() {
    let dir = TestDir::with_training(5);
    let report =
        dir.run(&format!("{SWEEP} --learning-rate 0.01 0.001 --weight-decay 0 0.1 --json")).json();
    let trials = report["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 4, "{report}");
    let score =
        |trial: &Value| (trial["val_acc"].as_f64(), trial["val_loss"].as_f64().map(|loss| -loss));
    assert!(trials.windows(2).all(|pair| score(&pair[0]) >= score(&pair[1])));
    assert_eq!(trials[0]["rank"], 1);
    assert_eq!(report["best_run_id"], trials[0]["run_id"]);

    let parent = report["run_id"].as_str().unwrap();
    let all = dir.runs();
    assert_eq!(all.len(), 5);
    let (parents, children): (Vec<_>, Vec<_>) = all.iter().partition(|run| run.id == parent);
    assert!(all.iter().all(|run| run.status.as_str() == "FINISHED"));
    let below = |run: &&Run| run.tags.get("mlflow.parentRunId").is_some_and(|id| id == parent);
    assert!(children.iter().all(below));
    assert_eq!(parents[0].params["space.learning_rate"], "0.01, 0.001");
    assert_eq!(parents[0].params["method"], "grid");
    assert_eq!(parents[0].tags["sweep.best_run_id"], report["best_run_id"]);
    let best = parents[0].metrics["best_val_acc"].value;
    assert!((best - trials[0]["val_acc"].as_f64().unwrap()).abs() < 1e-12);

    // The best trial is registered.
    let chosen = dir.run("select --json").json();
    assert_eq!(chosen["run_id"], report["best_run_id"], "{chosen}");
}

#[test]
fn halving_continues_the_best_and_is_reproducible() {
    let dir = TestDir::with_training(4);
    let command = format!(
        "{SWEEP} --method halving --trials 4 --learning-rate 0.03 0.01 0.003 --dropout 0 0.5 --json"
    );
    let first = dir.run(&command).json();
    let trials = first["trials"].as_array().unwrap();
    let rounds: Vec<_> = trials.iter().map(|trial| trial["round"].as_u64().unwrap()).collect();
    assert_eq!(rounds, [2, 2, 1, 1, 1, 1], "{first}");
    assert_eq!(trials[0]["epochs"], 2);
    assert_eq!(trials[5]["epochs"], 1);
    let mut best: Vec<_> = trials[2..4].iter().map(|trial| trial["trial"].as_u64()).collect();
    let mut went_on: Vec<_> = trials[..2].iter().map(|trial| trial["trial"].as_u64()).collect();
    best.sort_unstable();
    went_on.sort_unstable();
    assert_eq!(went_on, best);

    let second = dir.run(&command).json();
    let what = |report: &Value| -> Vec<_> {
        let trials = report["trials"].as_array().unwrap().iter();
        trials
            .map(|trial| {
                (trial["trial"].clone(), trial["values"].clone(), trial["val_loss"].clone())
            })
            .collect()
    };
    assert_eq!(what(&first), what(&second));
}

#[test]
fn trials_are_printed_as_a_table() {
    let dir = TestDir::with_training(4);
    let text = dir
        .run(&format!("{SWEEP} --method random --trials 2 --learning-rate 0.01 0.003 0.001"))
        .ok();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains("val_acc") && lines[0].contains("learning_rate"), "{text}");
    assert!(
        lines[1].trim_start().starts_with("1 ") && lines[2].trim_start().starts_with("2 "),
        "{text}"
    );
    assert!(text.contains("pet-cli select"), "{text}");
}

#[test]
fn invalid_searches_are_rejected() {
    let dir = TestDir::with_training(2);
    dir.refused(&format!("{SWEEP} --trials 2 --learning-rate 0.1 0.2"))
        .naming(&["--trials", "grid"])
        .hinting("random");
    dir.refused(&format!("{SWEEP} --method random --trials 3 --learning-rate 0.1 0.2")).naming(&[
        "trials",
        "`3`",
        "`2` points",
    ]);
    dir.refused(&format!("{SWEEP} --learning-rate 0.1 0.1")).naming(&["learning_rate", "twice"]);
    dir.refused(&format!("{SWEEP} --dropout 0 1")).naming(&["dropout"]);
    dir.run(&format!("{SWEEP} --method random")).misused();
}

#[cfg(unix)]
#[test]
fn an_interrupted_sweep_is_killed_and_keeps_its_trials() {
    let dir = TestDir::with_training(3);
    let rates = "0.01 0.009 0.008 0.007 0.006 0.005 0.004 0.003";
    let sweep = SWEEP.replace("--epochs 2", "--epochs 300");
    let command = dir.command(&format!("{sweep} --learning-rate {rates}"));
    let mut sweep = Running::start(command);
    let finished =
        |runs: &[Run]| runs.iter().filter(|run| run.status.as_str() == "FINISHED").count();
    sweep.wait_for(|| (finished(&dir.runs()) > 0).then_some(()));
    let output = sweep.interrupt().refused().naming(&["interrupted: "]);
    assert!(output.stdout.is_empty(), "{output:?}");
    let runs = dir.runs();
    assert!(finished(&runs) >= 1);
    let parent = runs.iter().find(|run| run.name == "sweep").unwrap();
    assert_eq!(parent.status.as_str(), "KILLED");
    assert!(parent.tags.contains_key("sweep.best_run_id"), "{parent:?}");
    assert!(runs.iter().all(|run| run.end_time.is_some()), "{runs:?}");
}
