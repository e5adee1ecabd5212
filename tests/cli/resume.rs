//! A training that was killed goes on where it was left.

use std::process::{Command, Stdio};
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

/// The calls of the system by which the database is written, and those by which files come and go.
const WRITES: [&str; 2] = [
    "pwrite64,fdatasync,fsync",
    "rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,link,linkat",
];

#[test]
fn a_run_killed_at_any_write_is_recorded_once() {
    let tracer = Command::new("strace").arg("--version").output();
    if !tracer.is_ok_and(|output| output.status.success()) {
        pet_tests::skipped("a_run_killed_at_any_write_is_recorded_once", "no strace");
        return;
    }
    // A step of 1 takes some minutes.
    let step = std::env::var("PET_KILL_STEP").ok();
    let step = step.map_or(7, |step| step.parse().unwrap());
    let mut resumed = 0;
    for calls in WRITES {
        let dir = TestDir::new();
        dir.prepare_training(3);
        let client = Client::local(dir.folder()).unwrap();
        let train = TRAIN.replace("--epochs 12", "--epochs 2");
        let whole: Value = serde_json::from_str(&dir.run(&train).ok()).unwrap();
        let whole = whole[0]["run_id"].as_str().unwrap();
        let expected = recorded(&client, whole);
        for call in (1..).step_by(step) {
            let inject = format!("inject={calls}:signal=SIGKILL:when={call}");
            let script = format!(
                "exec strace -f -qq -o /dev/null -e trace={calls} -e {inject} \"$PROGRAM\" {train}"
            );
            if dir.shell(&script).status == Some(0) {
                break;
            }
            let killed = runs(&client).swap_remove(0);
            let output = dir.run(&format!("train --resume {}", killed.id));
            if output.status != Some(0) {
                // Killed before there was anything to resume, or after everything was done.
                output.naming(&["no interrupted run"]);
                continue;
            }
            resumed += 1;
            let found = recorded(&client, &killed.id);
            assert_eq!(found, expected, "killed at call {call} of {calls}");
        }
    }
    assert!(resumed > 3, "{resumed} runs were resumed");
}

/// What a run has left in the store: points of metrics, parameters, number of versions, files and the weights.
fn recorded(client: &Client, run_id: &str) -> impl PartialEq + std::fmt::Debug + use<> {
    let run = client.run(run_id).unwrap();
    let points = run.metrics.keys().map(|key| {
        let history = client.metric_history(run_id, key).unwrap();
        let points = history
            .iter()
            .map(|point| (point.step, point.value.to_bits()));
        (key.clone(), points.collect::<Vec<_>>())
    });
    let points: Vec<_> = points.collect();
    let versions = client.model_versions("oxford_pet_classifier");
    let versions =
        versions.filter(|version| version.as_ref().unwrap().run_id.as_deref() == Some(run_id));
    let folder = run.artifact_uri.trim_start_matches("file://");
    let mut files = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(folder)];
    while let Some(inner) = folders.pop() {
        for entry in fs_err::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            files.push(path.strip_prefix(folder).unwrap().to_owned());
        }
    }
    files.sort();
    (
        run.status,
        points,
        run.params.clone(),
        versions.count(),
        files,
        weights(&run),
    )
}
