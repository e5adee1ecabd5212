//! `pet-cli runs`, `pet-cli models`, and `pet-cli select` between accuracy and speed.

use mlflow_client::{Batch, now};
use pet_model::{BEST_VAL_ACC, MULTIPLY_ADDS};
use pet_tests::{Store, VERSIONS};
use serde_json::Value;

use crate::test_dir::{TRAIN, TestDir};

fn json(dir: &TestDir, arguments: &str) -> Value {
    dir.run(&format!("{arguments} --json")).json()
}

#[test]
fn reading_does_not_create_a_database() {
    let dir = TestDir::new();
    assert_eq!(dir.run("runs list").ok().trim(), "no runs");
    let models = dir.run("models list").ok();
    assert!(models.starts_with("no models\n\nmodel in use: "), "{models}");
    assert_eq!(dir.run("runs sync").ok().trim(), "nothing is waiting to be sent");
    assert_eq!(json(&dir, "runs list"), Value::Array(Vec::new()));
    dir.refused("runs show 0123").naming(&["0123"]);
    dir.refused("models show dogs").naming(&["`dogs`"]);
    dir.refused("runs list --tracking-uri sqlite:///elsewhere.db").naming(&["elsewhere.db"]);
    assert!(dir.files().is_empty());
}

#[test]
fn runs_are_listed_shown_and_compared() {
    let dir = TestDir::new();
    Store::with_versions(dir.folder());
    let list = "runs list --experiment stand-ins";
    let best = json(&dir, &format!("{list} --order-by metrics.best_val_acc --limit 1"));
    assert_eq!(best[0]["metrics"]["best_val_acc"], VERSIONS[2]);
    let filtered = dir.shell(
        "exec \"$PROGRAM\" runs list --experiment stand-ins --json --filter \"params.seed = '1'\"",
    );
    let filtered = filtered.json();
    assert_eq!(filtered.as_array().unwrap().len(), 1);

    let all = json(&dir, list);
    let ids: Vec<&str> =
        all.as_array().unwrap().iter().map(|run| run["run_id"].as_str().unwrap()).collect();
    let shown = json(&dir, &format!("runs show {}", &ids[0][..12]));
    assert_eq!(shown["run_id"], ids[0]);
    assert_eq!(shown["history"]["val_acc"].as_array().unwrap().len(), 1);
    let text = dir.run(&format!("runs show {}", ids[0])).ok();
    assert!(text.contains("metrics, latest") && text.contains("val_acc"), "{text}");

    let compared = dir.run(&format!("runs compare {} {}", ids[0], ids[1])).ok();
    let seeds = compared.lines().find(|line| line.starts_with("seed")).unwrap();
    let seeds: Vec<&str> = seeds.split_whitespace().collect();
    assert_eq!(seeds, ["seed", "2", "1"]);
    let files = json(&dir, &format!("runs artifacts {}", ids[0]));
    let model = |file: &Value| file["path"] == "model/code/image_classifier.py";
    assert!(files.as_array().unwrap().iter().any(model), "{files}");
    dir.run(&format!("runs artifacts {} --download run", ids[0])).ok();
    assert!(dir.path("run/model/MLmodel").is_file());
}

#[test]
fn aliases_are_set_and_listed() {
    let dir = TestDir::new();
    Store::with_versions(dir.folder());
    dir.run("models alias stand_in best 2").ok();
    let text = dir.run("models list").ok();
    assert!(text.contains("stand_in") && text.contains("best is version 2"), "{text}");
    let versions = json(&dir, "models show stand_in");
    let numbers: Vec<&Value> =
        versions.as_array().unwrap().iter().map(|version| &version["version"]).collect();
    assert_eq!(numbers, [3, 2, 1]);
    assert_eq!(versions[1]["aliases"][0], "best");
    let text = dir.run("models show stand_in").ok();
    assert_eq!(text.lines().count(), 4, "{text}");
    dir.refused("models alias stand_in latest 2").naming(&["latest"]);
    dir.refused("models alias stand_in best 9").naming(&["stand_in/9"]);
}

#[test]
fn the_name_is_required_with_several_models() {
    let dir = TestDir::new();
    dir.refused("select").naming(&["no model is registered"]).hinting("pet-cli train");
    let store = Store::with_versions(dir.folder());
    let chosen = json(&dir, "select");
    assert_eq!((&chosen["version"], &chosen["alias"]), (&"2".into(), &"challenger".into()));
    assert!(!dir.path("results").exists());
    let nothing = std::collections::BTreeMap::new();
    store.client.register_model("dogs", "", &nothing).unwrap();
    for command in ["select", "export"] {
        dir.refused(command).naming(&["`dogs`", "`stand_in`"]).hinting("--model-name");
    }
}

#[test]
fn models_of_other_data_sets_are_separate() {
    let Some(dir) = TestDir::with_runtime() else { return };
    dir.prepare_training(5);
    pet_tests::small_data_set(&dir.path("others"), 6);
    let train = "train --backbone backbone.safetensors --epochs 1 --dataset folder";
    let name = "--model-name mine";
    let advice = dir.run(&format!("{train} --data-dir pets")).ok();
    assert!(advice.contains("pet-cli select --model-name pets_classifier"), "{advice}");
    assert!(advice.contains("--results models/pets_classifier"), "{advice}");
    let without_data = dir.run("export --model-name pets_classifier --results plain");
    let without_data = without_data.ok();
    assert!(without_data.contains("does not recognize images of something else"), "{without_data}");
    dir.run(&format!("{train} --data-dir pets {name}")).ok();
    dir.run(&format!("export {name}")).ok();
    let before = fs_err::read(dir.path("results/model.onnx")).unwrap();
    dir.run(&format!("{train} --data-dir others {name}")).ok();
    let shown = dir.run("models show mine").ok();
    assert!(shown.contains("pets ") && shown.contains("others "), "{shown}");
    assert!(dir.run("runs list").ok().contains("others "));

    let selection = json(&dir, &format!("select {name}"));
    assert_eq!(selection["version"], "2");
    assert_eq!(selection["dataset"]["name"], "others");
    let reason = selection["excluded"][0][1].as_str().unwrap();
    assert!(reason.contains("different data: pets"), "{reason}");
    let export = format!("export {name} --alias challenger");
    dir.refused(&export).naming(&["`results`", "trained on pets"]).hinting("--force");
    dir.refused(&format!("export {name} --alias best"))
        .naming(&["no version of `mine` has the alias `best`"])
        .hinting("pet-cli models alias mine best VERSION");
    dir.refused(&format!("export {name} --version 99"))
        .naming(&["99"])
        .hinting("pet-cli models show mine");
    dir.refused(&format!("select {name} --data ffff"))
        .naming(&["no version of `mine`", "`ffff`"])
        .hinting("pet-cli models show mine");
    assert_eq!(fs_err::read(dir.path("results/model.onnx")).unwrap(), before);
    dir.run(&format!("{export} --force")).ok();
    assert_ne!(fs_err::read(dir.path("results/model.onnx")).unwrap(), before);

    dir.run("models alias mine champion 1").ok();
    let exported = json(&dir, &format!("export {name} --results champion"));
    assert_eq!(exported["version"], "1");
    let asked = json(&dir, &format!("export {name} --version 2 --results two"));
    assert_eq!(asked["version"], "2");
    let versions = json(&dir, "models show mine");
    assert_eq!(versions[1]["aliases"][0], "champion", "{versions}");
    assert_eq!(versions[1]["dataset"]["name"], "pets", "{versions}");
}

#[test]
fn a_smaller_image_size_can_be_preferred() {
    let dir = TestDir::with_training(5);
    let client = dir.client();
    let work: Vec<u64> = [("stretch:32", 0.92), ("stretch:64", 0.94)]
        .into_iter()
        .map(|(recipe, val_acc)| {
            let trained = dir.run(&format!("{TRAIN} --epochs 1 --json --recipe {recipe}")).json();
            let run_id = trained[0]["run_id"].as_str().unwrap();
            // So few images decide nothing, so the accuracy is set here.
            let batch = Batch::new().metric(BEST_VAL_ACC, val_acc, now(), 1);
            client.log_batch(run_id, &batch).unwrap();
            let run = client.run(run_id).unwrap();
            run.params[MULTIPLY_ADDS].parse().unwrap()
        })
        .collect();
    assert_eq!(work[1], 4 * work[0], "four times the pixels");

    for (preference, version) in [("accuracy", "2"), ("balanced", "2"), ("speed", "1")] {
        let selected = dir.run(&format!("select --prefer {preference} --json")).json();
        assert_eq!(selected["version"], version, "{selected}");
        assert_eq!(selected["candidates"].as_array().unwrap().len(), 2);
    }
    let table = dir.run("select --prefer speed").ok();
    assert!(table.contains("multiply-adds") && table.contains("fewest multiply-adds"), "{table}");
    let model = client.registered_models().next().unwrap().unwrap();
    assert_eq!(model.aliases["challenger"], 1);
}
