//! `pet-cli train`, interrupted by Ctrl-C or killed; and `pet-cli train --resume`.

use std::path::{Path, PathBuf};
use std::process::Command;

use mlflow_client::{Client, Run, RunStatus};
use pet_tests::skipped;

use crate::running::Running;
use crate::test_dir::TestDir;

const TRAIN: &str = "train --dataset folder --data-dir pets --backbone backbone.safetensors \
                     --fine-tune last:1 --epochs 12 --batch-size 4 --json";

#[test]
fn a_resumed_run_has_the_weights_of_an_uninterrupted_one() {
    let dir = TestDir::with_training(3);
    let client = dir.client();
    let whole = dir.run(TRAIN).json();
    let whole = client.run(whole[0]["run_id"].as_str().unwrap()).unwrap();

    let mut training = Running::start(dir.command(TRAIN));
    let (killed, state) = training.wait_for(|| {
        let run = second_run(&dir, &whole)?;
        let state = dir.path(&format!(".cache/training/{}/state.safetensors", run.id));
        state.is_file().then_some((run, state))
    });
    training.kill();
    assert!(state.is_file(), "it ended before it could be killed");

    // A prefix of the ID is enough, as `runs list` prints it.
    let resumed = dir.run(&format!("train --resume {} --json", &killed.id[..10]));
    let resumed = resumed.json();
    assert_eq!(resumed[0]["run_id"], killed.id.as_str());
    assert!(!state.exists());
    let [killed, whole] = [&killed, &whole].map(|run| client.run(&run.id).unwrap());
    assert_eq!(weights(&killed), weights(&whole));
    for key in ["train_loss", "train_acc", "val_loss", "val_acc"] {
        let history = |run: &Run| -> Vec<(i64, f64)> {
            let history = client.metric_history(&run.id, key).unwrap();
            history.iter().map(|metric| (metric.step, metric.value)).collect()
        };
        assert_eq!(history(&killed), history(&whole), "{key}");
    }
    let name = ["train --resume", &killed.id].join(" ");
    dir.refused(&name).naming(&["no interrupted run", &killed.id]);
}

#[test]
fn options_without_effect_on_resume_are_rejected() {
    let dir = TestDir::new();
    for option in [
        "--seed 7",
        "--learning-rate 0.5",
        "--dataset sample",
        "--recipe center-crop",
        "--model-name cats",
        "--backbone mine.pt",
        "--validation-fraction 0.4",
        "--group-duplicates",
        "--data-dir pets",
        "--teacher results",
        "--train-size 96",
    ] {
        let output = dir.run(&format!("train --resume 0123456789 {option}")).misused();
        let error = output.stderr.lines().next().unwrap();
        let name = option.split(' ').next().unwrap();
        assert!(error.contains("'--resume <RUN>'") && error.contains(name), "{output:?}");
        if name == "--model-name" {
            continue;
        }
        dir.run(&format!("train --refit 0123456789 {option}")).misused();
    }
    dir.refused("train --resume 0123456789 --json")
        .naming(&["no interrupted run", "0123456789"])
        .hinting("pet-cli runs list");
}

#[test]
fn a_resumed_run_may_have_more_epochs_if_its_learning_rates_allow_it() {
    let dir = TestDir::with_training(3);
    let client = dir.client();
    let whole = dir.run(&TRAIN.replace("--epochs 12", "--epochs 14 --schedule constant"));
    let whole = whole.json();
    let whole = client.run(whole[0]["run_id"].as_str().unwrap()).unwrap();
    for schedule in ["cosine", "constant"] {
        let before: Vec<String> = dir.runs().into_iter().map(|run| run.id).collect();
        let command = format!("{TRAIN} --schedule {schedule}");
        let mut training = Running::start(dir.command(&command));
        let (killed, state) = training.wait_for(|| {
            let mut runs = dir.runs().into_iter();
            let run = runs.find(|run| !before.contains(&run.id))?;
            let state = dir.path(&format!(".cache/training/{}/state.safetensors", run.id));
            state.is_file().then_some((run, state))
        });
        training.kill();
        assert!(state.is_file(), "it ended before it could be killed");
        let listed = dir.run("runs list --json").json();
        let listed = listed.as_array().unwrap();
        let resumable = listed.iter().find(|run| run["resumable"] == true).unwrap();
        assert_eq!(resumable["run_id"], killed.id.as_str());
        let resume = format!("train --resume {} --json", killed.id);
        dir.refused(&format!("{resume} --epochs 3"))
            .naming(&["with 3 epochs: it was started with 12"]);
        dir.refused(&format!("{resume} --experiment other")).naming(&["the experiment `other`"]);
        let more = format!("{resume} --epochs 14");
        if schedule == "cosine" {
            dir.refused(&more).naming(&["a cosine over 12 epochs"]);
            dir.run(&resume).json();
            continue;
        }
        assert_eq!(dir.run(&more).json()[0]["run_id"], killed.id.as_str());
        let resumed = client.run(&killed.id).unwrap();
        assert_eq!(weights(&resumed), weights(&whole));
        assert_eq!(resumed.params["epochs"], "12");
        assert_eq!(resumed.tags["epochs"], "14");
        assert!(!dir.run("runs list").stdout.contains("--resume"));
    }
}

#[test]
fn a_run_that_is_still_running_cannot_be_resumed() {
    let dir = TestDir::with_training(3);
    let client = dir.client();
    let train = TRAIN.replace("--epochs 12", "--epochs 1000000");
    let mut training = Running::start(dir.command(&train));
    let run = training.wait_for(|| {
        let run = dir.runs().pop()?;
        let state = dir.path(&format!(".cache/training/{}/state.safetensors", run.id));
        state.is_file().then_some(run)
    });
    let resume = format!("train --resume {}", &run.id[..10]);
    dir.run(&resume).refused().naming(&[&run.id, "is still running"]).hinting("wait");
    let listed = dir.run("runs list --json").json();
    assert_eq!(listed[0]["resumable"], false, "{listed}");
    assert!(!dir.run("runs list").ok().contains("--resume"));
    let epochs = || client.metric_history(&run.id, "val_acc").unwrap().len();
    let before = epochs();
    training.wait_for(|| (epochs() > before).then_some(()));
    assert_eq!(client.run(&run.id).unwrap().status, RunStatus::Running);
    training.kill();
    let ended = dir.run("runs list").ok();
    let resumable = format!("`pet-cli train --resume RUN` continues these: {}", &run.id[..10]);
    assert!(ended.contains(&resumable), "{ended}");
}

fn second_run(dir: &TestDir, first: &Run) -> Option<Run> {
    dir.runs().into_iter().find(|run| run.id != first.id)
}

fn weights(run: &Run) -> Vec<u8> {
    let folder = run.artifact_uri.trim_start_matches("file://");
    fs_err::read(Path::new(folder).join("model/weights.safetensors")).unwrap()
}

/// System calls that write to the database, and those that create and delete files.
const WRITES: [&str; 2] = [
    "pwrite64,fdatasync,fsync",
    "rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,link,linkat",
];

#[test]
fn a_run_killed_at_any_write_is_recorded_once() {
    let tracer = Command::new("strace").arg("--version").output();
    if !tracer.is_ok_and(|output| output.status.success()) {
        return skipped("no strace");
    }
    // A step of 1 takes several minutes.
    let step = std::env::var("PET_KILL_STEP").ok();
    let step = step.map_or(7, |step| step.parse().unwrap());
    let mut resumed = 0;
    for calls in WRITES {
        let dir = TestDir::with_training(3);
        let client = dir.client();
        let train = TRAIN.replace("--epochs 12", "--epochs 2");
        let whole = dir.run(&train).json();
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
            let killed = dir.runs().swap_remove(0);
            let output = dir.run(&format!("train --resume {}", killed.id));
            if output.status != Some(0) {
                // Killed before the first checkpoint or after the end.
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

/// The data of a run: metrics, parameters, number of versions, files and weights.
fn recorded(client: &Client, run_id: &str) -> impl PartialEq + std::fmt::Debug + use<> {
    let run = client.run(run_id).unwrap();
    let points = run.metrics.keys().map(|key| {
        let history = client.metric_history(run_id, key).unwrap();
        let points = history.iter().map(|point| (point.step, point.value.to_bits()));
        (key.clone(), points.collect::<Vec<_>>())
    });
    let points: Vec<_> = points.collect();
    let versions = client.model_versions("oxford_pet_classifier");
    let versions =
        versions.filter(|version| version.as_ref().unwrap().run_id.as_deref() == Some(run_id));
    let folder = run.artifact_uri.trim_start_matches("file://");
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
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
    (run.status, points, run.params.clone(), versions.count(), files, weights(&run))
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_is_killed_and_keeps_what_was_logged() {
    let dir = TestDir::with_training(3);
    let mut training = Running::start(dir.command(
        "train --dataset folder --data-dir pets --backbone backbone.safetensors --epochs 1000000",
    ));
    let client = dir.client();
    let logged = |run: &Run| client.metric_history(&run.id, "val_acc").unwrap().len();
    training.wait_for(|| dir.runs().into_iter().find(|run| logged(run) >= 2));
    let output = training.interrupt().refused().naming(&["interrupted: "]);
    assert!(output.stdout.is_empty(), "{output:?}");

    let listed = dir.run("runs list --json").json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["status"], "KILLED");
    assert!(listed[0]["end_time"].is_i64(), "{listed}");
    assert!(logged(&dir.runs()[0]) >= 2);
    dir.refused("select").naming(&["no model is registered"]);
}
