//! Cross-validation, refits on all images, and distillation.

use mlflow_client::RunStatus;
use pet_model::{METRICS_FILE, Metrics, SELECTION_FILE, Selection, read_json};
use pet_predict::{Model, Options};
use serde_json::Value;

use crate::pictures::{png, scene};
use crate::test_dir::{Output, TRAIN, TestDir};

const SMALL: &str = "--fine-tune all --recipe stretch:32 --rand-augment 2:5 --erase 0.25";

#[test]
fn cross_validation_is_followed_by_a_refit() {
    let dir = TestDir::with_training(5);
    let outcomes = dir
        .run(&format!("{TRAIN} --epochs 3 --json --folds 3 --learning-rate 0.01 0.00001"))
        .json();
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

    let table = dir.run(&format!("{TRAIN} --epochs 3 --folds 2")).ok();
    assert!(table.contains("std_error"), "{table}");
    assert!(table.contains("pet-cli train --refit"), "{table}");
}

#[test]
fn invalid_folds_are_rejected() {
    let dir = TestDir::with_training(3);
    for usage in ["--folds 1", "--folds many", "--folds 3 --resume 0123"] {
        dir.run(&format!("train --dataset folder --data-dir pets {usage}")).misused();
    }
    dir.refused(&format!("{TRAIN} --epochs 3 --json --folds 1000")).naming(&["into 1000 folds"]);
}

/// The first of the trained runs.
fn first(output: Output) -> Value {
    output.json()[0].take()
}

#[test]
fn a_refit_uses_the_teacher_of_the_run() {
    let Some(dir) = TestDir::with_runtime() else { return };
    dir.prepare_training(5);
    dir.run(&format!("{TRAIN} --epochs 2 --json")).ok();
    dir.run("select").ok();
    dir.run("export --results teacher").ok();

    // The input sizes are 224 for the teacher and 32 for the student.
    let student = format!(
        "{TRAIN} --epochs 2 --json {SMALL} --teacher teacher teacher/model.onnx --model-name students"
    );
    let student = first(dir.run(&student));
    let client = dir.client();
    let run_id = student["run_id"].as_str().unwrap();
    let run = client.run(run_id).unwrap();
    assert_eq!(run.params["teacher_weight"], "0.7");
    assert!(run.params["augment"].ends_with("operations 2:5, erase 0.25"));
    let teacher: Selection = read_json(&dir.path("teacher").join(SELECTION_FILE)).unwrap();
    let digest = teacher.model_sha256.unwrap();
    assert_eq!(run.params["teachers"], format!("{digest}, {digest}"));

    let refit = first(dir.run(&format!("train --refit {} --json", &run_id[..10])));
    assert_eq!(refit["refit_of"], run_id);
    assert_eq!(refit["val_acc"], student["val_acc"]);
    assert_eq!(refit["best_epoch"], student["best_epoch"]);
    let again = client.run(refit["run_id"].as_str().unwrap()).unwrap();
    assert_eq!(again.params["teachers"], run.params["teachers"]);
    let images = |key: &str| -> usize { run.params[key].parse().unwrap() };
    let all = images("train_images") + images("val_images");
    assert_eq!(again.params["train_images"], all.to_string());
    assert_eq!(again.params["val_images"], "0");
    assert!(!again.metrics.contains_key("val_acc"), "nothing was validated");
    assert_ne!(again.tags["split"], "");

    let chosen = dir.run("select --model-name students --json").json();
    assert_eq!(chosen["run_id"], refit["run_id"], "{chosen}");
    assert_eq!(chosen["candidates"].as_array().unwrap().len(), 2);
    let export = "export --model-name students --json --dataset folder --data-dir pets";
    let limit = |options: &str| {
        let exported = dir.run(&format!("{export} {options}")).json();
        exported["least_similarity"].as_f64().unwrap()
    };
    // The refit takes over the threshold of the run, because it was trained on the validation images.
    let limits = [limit("--version 1 --results run"), limit("--results student")];
    assert_eq!(limits[0].to_bits(), limits[1].to_bits());
    let described = Model::describe(&dir.path("student").into(), &Options::default()).unwrap();
    let reference = described.reference.unwrap();
    assert_eq!((reference.images.as_str(), reference.count()), ("test", 6));
    assert!(!reference.trained_on, "all others were trained on");
    let evaluate = "evaluate --dataset folder --data-dir pets --results student --split";
    dir.refused(&format!("{evaluate} validation"))
        .naming(&["trained on the validation images", run_id])
        .hinting("--split test");
    let splits = dir.run(&format!("{evaluate} all --json")).json();
    assert!(splits.get("validation").is_none(), "{splits}");
    assert_eq!(splits["test"]["images"], 6);
    let metrics: Metrics = read_json(&dir.path("student").join(METRICS_FILE)).unwrap();
    assert_eq!(metrics.params["refit_of"], run_id);
    assert!(metrics.splits.contains_key("validation"));

    dir.refused(&format!("train --refit {}", again.id)).naming(&["cannot refit", "a refit itself"]);
}

#[test]
fn a_refit_can_have_another_model_name() {
    let dir = TestDir::with_training(3);
    let run = first(dir.run(&format!("{TRAIN} --epochs 2 --json")));
    let id = run["run_id"].as_str().unwrap();
    let refit = format!("train --refit {id} --model-name all_images --json");
    let refit = first(dir.run(&refit));
    assert_eq!(refit["version"], 1);
    let client = dir.client();
    let version = client.model_version("all_images", 1).unwrap();
    assert_eq!(version.run_id.as_deref(), refit["run_id"].as_str());
    assert_eq!(client.model_versions("pets_classifier").count(), 1);
    dir.refused(&format!("train --refit {id} --model-name a/b")).naming(&["a/b"]);
}

#[test]
fn a_refit_groups_duplicates_as_its_run() {
    let Some(dir) = TestDir::with_runtime() else { return };
    dir.write("backbone.safetensors", pet_tests::backbone_bytes());
    for number in 0..12 {
        let class = if number % 2 == 0 { "Cat" } else { "Dog" };
        dir.write(&format!("pets/{class}/{number}.png"), png(&scene(number)));
    }
    let data = "--dataset folder --data-dir pets";
    let train = format!(
        "train {data} --group-duplicates --backbone backbone.safetensors --epochs 1 --json"
    );
    let client = dir.client();
    for (folds, split) in
        [("", "duplicates grouped"), (" --folds 2", "2 folds, duplicates grouped")]
    {
        let run = first(dir.run(&format!("{train}{folds}")));
        let id = run["run_id"].as_str().unwrap();
        let refit = first(dir.run(&format!("train --refit {id} --json")));
        let run = client.run(refit["run_id"].as_str().unwrap()).unwrap();
        assert_eq!(run.params["group_duplicates"], "true");
        assert!(run.tags["split"].ends_with(split), "{:?}", run.tags);
        // A cross-validation has no model, and so no threshold for the refit.
        let version = &refit["version"];
        let export = dir.run(&format!("export {data} --version {version} --results {version}"));
        let said = export.stderr.contains("threshold is learned from images that the refit");
        assert_eq!(said, !folds.is_empty(), "{}", export.stderr);
        export.ok();
    }
}

#[test]
fn invalid_teachers_and_refits_are_rejected() {
    let dir = TestDir::with_training(3);
    dir.refused(&format!("{TRAIN} --epochs 2 --json --teacher results"))
        .naming(&["teachers have no effect"])
        .hinting("fine-tune everything");
    for usage in [
        format!("{TRAIN} --epochs 2 --json --teacher-weight 0.5"),
        "train --refit 0123 --seed 7".into(),
        "train --refit 0123 --resume 4567".into(),
    ] {
        dir.run(&usage).misused();
    }
    dir.run(&format!("{TRAIN} --epochs 2 --json")).ok();
    dir.refused("train --refit 0123").naming(&["0123"]);
}
