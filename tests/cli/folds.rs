//! Cross-validation, and a refit with its best number of epochs.

use mlflow_client::RunStatus;
use pet_model::{METRICS_FILE, Metrics};
use serde_json::Value;

use crate::test_dir::TestDir;

const TRAIN: &str =
    "train --dataset folder --data-dir pets --backbone backbone.safetensors --epochs 3 --json";

#[test]
fn cross_validation_is_followed_by_a_refit() {
    let dir = TestDir::new();
    dir.prepare_training(5);
    let outcomes = dir.run(&format!("{TRAIN} --folds 3 --learning-rate 0.01 0.00001")).json();
    let outcomes = outcomes.as_array().unwrap();
    let client = dir.client();
    assert_eq!(outcomes.len(), 2);
    for outcome in outcomes {
        let run = client.run(outcome["run_id"].as_str().unwrap()).unwrap();
        assert_eq!(run.status, RunStatus::Finished);
        assert_eq!(outcome["version"], Value::Null);
        assert_eq!(run.params["folds"], "3");
        let images: usize = run.params["val_images"].parse().unwrap();
        assert_eq!(run.params["train_images"], run.params["val_images"]);
        assert!(run.tags["split"].contains("3 folds"), "{:?}", run.tags);
        let of_folds = client.metric_history(&run.id, "fold_val_acc").unwrap();
        assert_eq!(of_folds.len(), 3);
        let mean = of_folds.iter().map(|point| point.value).sum::<f64>() / 3.0;
        let squares = of_folds.iter().map(|point| (point.value - mean).powi(2));
        let error = (squares.sum::<f64>() / 2.0 / 3.0).sqrt();
        let said = outcome["standard_error"].as_f64().unwrap();
        assert!((said - error).abs() < 1e-9, "{said} {error}");
        assert_eq!(client.metric_history(&run.id, "val_acc").unwrap().len(), 3);

        let mut file = client.artifacts(&run.artifact_uri).unwrap().open(METRICS_FILE).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut file, &mut text).unwrap();
        let metrics: Metrics = serde_json::from_str(&text).unwrap();
        let validation = &metrics.splits["validation"];
        assert_eq!(validation.images, images);
        let val_acc = outcome["val_acc"].as_f64().unwrap();
        assert!((validation.top1 - val_acc).abs() < 1e-6, "{} {val_acc}", validation.top1);
    }
    let run_id = outcomes[0]["run_id"].as_str().unwrap();
    let refit = dir.run(&format!("train --refit {run_id} --json")).json();
    assert_eq!(refit[0]["refit_of"], run_id);
    assert_eq!(refit[0]["val_acc"], outcomes[0]["val_acc"]);
    assert_eq!(refit[0]["version"], 1);
    let again = client.run(refit[0]["run_id"].as_str().unwrap()).unwrap();
    let folds = client.run(run_id).unwrap();
    let epochs = folds.metrics["best_epoch"].value as usize + 1;
    assert_eq!(again.params["epochs"], epochs.to_string());
    assert_eq!(again.tags["split"], folds.tags["split"]);

    let table = dir.run(&format!("{} --folds 2", TRAIN.trim_end_matches(" --json"))).ok();
    assert!(table.contains("std_error"), "{table}");
    assert!(table.contains("pet-cli train --refit"), "{table}");
}

#[test]
fn invalid_folds_are_rejected() {
    let dir = TestDir::new();
    dir.prepare_training(3);
    for usage in ["--folds 1", "--folds many", "--folds 3 --resume 0123"] {
        let output = dir.run(&format!("train --dataset folder --data-dir pets {usage}"));
        assert_eq!(output.status, Some(2), "{usage}: {output:?}");
    }
    dir.refused(&format!("{TRAIN} --folds 1000")).naming(&["into 1000 folds"]);
}
