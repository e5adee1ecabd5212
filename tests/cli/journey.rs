//! All steps from training to prediction, with a small drawn data set and a random backbone.

use std::collections::BTreeMap;

use pet_model::{METRICS_FILE, Metrics, SELECTION_FILE, Selection, SplitMetrics, read_json};

use crate::test_dir::{TRAIN, TestDir};

#[test]
fn from_training_to_prediction() {
    let Some(dir) = TestDir::with_runtime() else { return };
    dir.prepare_training(5);

    let output = dir.run(&format!("{TRAIN} --epochs 2 --learning-rate 0.001 0.01 --json"));
    assert!(
        !output.stderr.contains(['\r', '\x1b']),
        "no bar without a terminal: {}",
        output.stderr
    );
    let trained = output.json();
    let versions: Vec<u64> =
        trained.as_array().unwrap().iter().map(|run| run["version"].as_u64().unwrap()).collect();
    assert_eq!(versions, [1, 2]);
    assert_eq!(trained[0]["name"], "mobilenet_v2_bs32_lr0.001");
    assert_eq!(trained[1]["name"], "mobilenet_v2_bs32_lr0.01");

    let chosen = dir.run("select --json").json();
    let best = trained.as_array().unwrap().iter().map(|run| run["val_acc"].as_f64().unwrap());
    let got = chosen["val_acc"].as_f64().unwrap();
    assert!((got - best.fold(0.0, f64::max)).abs() < 1e-12, "{chosen}");
    assert!(!dir.path("results").exists(), "to select is not to export");
    assert_eq!(chosen["model_name"], "pets_classifier");
    let selection: Selection = serde_json::from_value(chosen).unwrap();
    export(&dir, &selection);
    let kept: Selection = read_json(&dir.path("results").join(SELECTION_FILE)).unwrap();
    assert_eq!(kept.candidates, selection.candidates);
    assert_eq!(kept.dataset.unwrap().name, "pets");
    evaluate(&dir);
    predict(&dir);
    runs(&dir, &selection);
}

fn export(dir: &TestDir, selection: &Selection) {
    let exported = dir.run("export --json").json();
    assert_eq!(exported["version"], selection.version);
    assert!(exported["largest_difference"].as_f64().unwrap() <= 1e-4, "{exported}");
    let files: Vec<&str> =
        exported["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
    assert!(files.len() >= 7, "{files:?}");
    for file in &files {
        assert!(dir.path(file).is_file(), "{file}");
    }
    let text = dir.run("export").ok();
    assert!(text.starts_with(&format!("version {} of ", selection.version)), "{text}");
    assert!(files.iter().all(|file| text.contains(file)), "{text}");
}

fn evaluate(dir: &TestDir) {
    let data = "--dataset folder --data-dir pets";
    let figures = dir.run(&format!("evaluate {data} --split all --json")).json();
    assert_eq!(figures["test"]["images"], 6);
    assert_eq!(figures["validation"]["images"], 6);
    let metrics: Metrics = read_json(&dir.path("results").join(METRICS_FILE)).unwrap();
    let splits: BTreeMap<String, SplitMetrics> = serde_json::from_value(figures).unwrap();
    assert_eq!(splits, metrics.splits);
    let text = dir.run(&format!("evaluate {data}")).ok();
    assert!(text.starts_with("test: 6 images\n  top-1 accuracy"), "{text}");
    let card = fs_err::read_to_string(dir.path("results/MODEL_CARD.md")).unwrap();
    assert!(card.contains("test"), "{card}");

    dir.write("others/Cat/a.png", pet_tests::gradient(9, 9, pet_image::Format::Png));
    dir.write("others/Dog/b.png", pet_tests::gradient(9, 9, pet_image::Format::Png));
    let others = "evaluate --dataset folder --data-dir others --split train";
    dir.refused(others).naming(&["6 classes", "2"]).hinting("--dataset");
}

fn predict(dir: &TestDir) {
    let answers = dir.shell("exec \"$PROGRAM\" predict --json 'pets/test/Husky Dog'").json();
    let [answer] = answers.as_array().unwrap().as_slice() else { panic!("{answers}") };
    let ranked = answer["top_k"].as_array().unwrap();
    assert_eq!(ranked.len(), 5);
    assert!(
        pet_data::sample::class_names().contains(&ranked[0]["class"].as_str().unwrap()),
        "{answer}"
    );
}

fn runs(dir: &TestDir, selection: &Selection) {
    let listed = dir.run("runs list --json").json();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|run| run["status"] == "FINISHED"), "{listed:?}");
    let text = dir.run("runs list --order-by metrics.val_acc").ok();
    assert_eq!(text.lines().count(), 3, "{text}");

    let shown = dir.run(&format!("runs show --json {}", selection.run_id)).json();
    for param in [
        "model_name",
        "batch_size",
        "learning_rate",
        "epochs",
        "seed",
        "optimizer",
        "loss_function",
    ] {
        assert!(shown["params"][param].is_string(), "no {param}: {shown}");
    }
    for metric in ["train_loss", "train_acc", "val_loss", "val_acc"] {
        assert!(shown["metrics"][metric].is_number(), "no {metric}: {shown}");
    }
    let text = dir.run(&format!("runs show {}", selection.run_id)).ok();
    assert!(text.contains("learning_rate") && text.contains("FINISHED"), "{text}");
}

#[test]
fn the_same_seed_trains_the_same_model() {
    let dir = TestDir::with_training(3);
    let accuracies = |seed: u32| {
        let trained = dir.run(&format!("{TRAIN} --epochs 2 --seed {seed} --json")).json();
        (trained[0]["val_acc"].clone(), trained[0]["val_loss"].clone())
    };
    let first = accuracies(1);
    assert_eq!(accuracies(1), first);
    assert_ne!(accuracies(2), first);
}

#[test]
fn quiet_prints_only_the_result() {
    let dir = TestDir::with_training(3);
    let loud = dir.run(&format!("{TRAIN} --epochs 2"));
    assert!(loud.stderr.contains("6 classes"), "{loud:?}");
    let quiet = dir.run(&format!("{TRAIN} --epochs 2 --quiet"));
    assert_eq!(quiet.stderr, "");
    assert!(quiet.ok().contains("mobilenet_v2_bs32_lr0.001"));
}
