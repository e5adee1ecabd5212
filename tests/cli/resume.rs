//! A training that was killed goes on where it was left.

use std::process::Stdio;
use std::time::{Duration, Instant};

use mlflow_client::{Client, Run};
use serde_json::Value;

use crate::recorded::runs;
use crate::test_dir::TestDir;

/// Far longer than anything here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

const TRAIN: &str = "train --dataset folder --data-dir pets --backbone backbone.safetensors \
                     --fine-tune last:1 --epochs 12 --batch-size 4 --json";

#[test]
fn a_killed_run_ends_with_the_weights_of_one_that_was_not() {
    let dir = TestDir::new();
    dir.prepare_training(3);
    let client = Client::local(dir.folder()).unwrap();
    let whole: Value = serde_json::from_str(&dir.run(TRAIN).ok()).unwrap();
    let whole = client.run(whole[0]["run_id"].as_str().unwrap()).unwrap();

    let mut child = dir
        .command(TRAIN)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let state = loop {
        let found = second_run(&client, &whole)
            .map(|run| dir.path(&format!(".cache/training/{}/state.safetensors", run.id)));
        match found.filter(|state| state.is_file()) {
            Some(state) => break state,
            None => assert!(start.elapsed() < PATIENCE, "no checkpoint was written"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = second_run(&client, &whole).unwrap();
    assert!(state.is_file(), "it ended before it could be killed");

    // The beginning of the ID, as `runs list` shows it.
    let resumed = dir.run(&format!("train --resume {} --json", &killed.id[..10]));
    let resumed: Value = serde_json::from_str(&resumed.ok()).unwrap();
    assert_eq!(resumed[0]["run_id"], killed.id.as_str());
    assert!(!state.exists());
    let [killed, whole] = [&killed, &whole].map(|run| client.run(&run.id).unwrap());
    assert_eq!(weights(&killed), weights(&whole));
    for key in ["train_loss", "train_acc", "val_loss", "val_acc"] {
        let history = |run: &Run| -> Vec<(i64, f64)> {
            let history = client.metric_history(&run.id, key).unwrap();
            history
                .iter()
                .map(|metric| (metric.step, metric.value))
                .collect()
        };
        assert_eq!(history(&killed), history(&whole), "{key}");
    }
    let name = ["train --resume", &killed.id].join(" ");
    dir.refused(&name)
        .naming(&["no interrupted run", &killed.id]);
}

#[test]
fn options_that_a_resumed_run_would_ignore_are_refused() {
    let dir = TestDir::new();
    for option in [
        "--epochs 3",
        "--seed 7",
        "--learning-rate 0.5",
        "--dataset sample",
        "--recipe center-crop",
        "--model-name cats",
        "--backbone mine.pt",
    ] {
        let output = dir.run(&format!("train --resume 0123456789 {option}"));
        assert_eq!(output.status, Some(2), "{option}: {output:?}");
        assert!(output.stderr.contains("--resume"), "{output:?}");
    }
    dir.refused("train --resume 0123456789 --json")
        .naming(&["no interrupted run", "0123456789"]);
}

fn second_run(client: &Client, first: &Run) -> Option<Run> {
    runs(client).into_iter().find(|run| run.id != first.id)
}

fn weights(run: &Run) -> Vec<u8> {
    let folder = run.artifact_uri.trim_start_matches("file://");
    fs_err::read(std::path::Path::new(folder).join("model/weights.safetensors")).unwrap()
}
