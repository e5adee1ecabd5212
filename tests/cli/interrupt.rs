//! Ctrl-C in the middle of a training.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mlflow_client::{Client, Run};
use serde_json::Value;

use crate::output::Output;
use crate::recorded::runs;
use crate::test_dir::TestDir;

/// Far longer than anything here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

#[cfg(unix)]
#[test]
fn an_interrupted_run_is_killed_and_keeps_what_was_logged() {
    let dir = TestDir::new();
    dir.prepare_training(3);
    let mut command = dir.command(
        "train --dataset folder --data-dir pets --backbone backbone.safetensors --epochs 1000000",
    );
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let client = Client::local(dir.folder()).unwrap();
    let logged = |run: &Run| client.metric_history(&run.id, "val_acc").unwrap().len();
    wait_until(&mut child, || {
        runs(&client).first().is_some_and(|run| logged(run) >= 2)
    });

    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    wait_until_gone(&mut child);
    let output = Output::from(child.wait_with_output().unwrap())
        .refused()
        .naming(&["interrupted: "]);
    assert!(output.stdout.is_empty(), "{output:?}");

    let listed: Value = serde_json::from_str(&dir.run("runs list --json").ok()).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["status"], "KILLED");
    assert!(listed[0]["end_time"].is_i64(), "{listed}");
    assert!(logged(&runs(&client)[0]) >= 2);
    dir.refused("select").naming(&["no model is registered"]);
}

/// Waits for a condition while the program goes on.
fn wait_until(child: &mut Child, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        let ended = child.try_wait().unwrap();
        if ended.is_some() || start.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("the training did not get there: {ended:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn wait_until_gone(child: &mut Child) {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("the training did not stop");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
