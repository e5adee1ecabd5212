//! Ctrl-C during a training.

use mlflow_client::Run;

use crate::running::Running;
use crate::test_dir::TestDir;

#[test]
fn an_interrupted_run_is_killed_and_keeps_what_was_logged() {
    let dir = TestDir::new();
    dir.prepare_training(3);
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
