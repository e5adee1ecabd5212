//! The gate before a champion that is served in 8-bit integers, and pets that a model takes for something else.

use mlflow_client::Client;
use pet_model::{SELECTION_FILE, Selection, read_json, write_json};
use pet_pipeline::promote::{Promotion, Verdict};
use pet_predict::Precision;
use sha2::{Digest, Sha256};

use crate::promote::with_challenger;
use crate::test_dir::TestDir;

const PROMOTE: &str = "promote --dataset folder --data-dir pets --max-latency 60000";
const EXPORT: &str = "export --dataset folder --data-dir pets --precision both";

fn report(dir: &TestDir) -> Promotion {
    read_json(&dir.path("promotion.json")).unwrap()
}

fn precisions(promotion: &Promotion) -> Vec<Precision> {
    let comparisons = promotion.comparisons.iter();
    comparisons.map(|one| one.precision).collect()
}

fn champion(dir: &TestDir) -> Option<u32> {
    let client = Client::local(dir.folder()).unwrap();
    let aliases = client.registered_model("pets").unwrap().aliases;
    aliases.get("champion").copied()
}

/// Lets the model in integers that lies in the results be sure of nothing.
fn make_unsure(dir: &TestDir) {
    let model = dir.path("results/model.int8.onnx");
    pet_tests::set_temperature(&model, 1e3);
    let digest = Sha256::digest(fs_err::read(&model).unwrap());
    let file = dir.path("results").join(SELECTION_FILE);
    let mut selection: Selection = read_json(&file).unwrap();
    selection.int8_sha256 = Some(format!("{digest:x}"));
    write_json(&file, &selection).unwrap();
}

#[test]
fn what_is_served_in_integers_is_judged_in_integers_too() {
    let test = "what_is_served_in_integers_is_judged_in_integers_too";
    let Some(dir) = with_challenger(test) else {
        return;
    };
    dir.run(&format!("{PROMOTE} --dry-run")).ok();
    assert_eq!(precisions(&report(&dir)), [Precision::Fp32]);
    dir.run(&format!("{PROMOTE} --dry-run --precision both"))
        .ok();
    assert_eq!(precisions(&report(&dir)), Precision::ALL);

    // What lies in the results is judged as it lies there.
    dir.run(EXPORT).ok();
    make_unsure(&dir);
    let results = || {
        let mut files = dir.files();
        files.retain(|(path, _)| path.starts_with(dir.path("results")));
        files
    };
    let before = results();
    let refused = dir.run(PROMOTE).refused();
    let refused = refused.naming(&["misses limits of int8 calibration_error"]);
    let row = |numbers: &str| {
        let rows = refused.stdout.lines();
        let mut rows =
            rows.filter(|line| line.starts_with("calibration") && line.contains(numbers));
        rows.next().unwrap().to_owned()
    };
    assert!(row(" fp32 ").ends_with("yes"), "{}", refused.stdout);
    assert!(row(" int8 ").ends_with("no"), "{}", refused.stdout);
    assert_eq!(results(), before);
    assert_eq!(champion(&dir), None);
    assert_eq!(precisions(&report(&dir)), Precision::ALL);
    let figures = |index: usize| report(&dir).comparisons[index].challenger.clone();
    assert!(figures(1).calibration_error > figures(0).calibration_error);
    assert!(
        figures(1).known.is_some(),
        "it was exported with a data set"
    );
    let tags = Client::local(dir.folder()).unwrap();
    let tags = tags.model_version("pets", 1).unwrap().tags;
    assert_eq!(tags["promotion_failed"], "int8 calibration_error");
    assert!(tags.contains_key("promotion_accuracy_int8"), "{tags:?}");

    dir.run(&format!("{PROMOTE} --max-calibration-error 1 --dry-run"))
        .ok();
    // In floating-point numbers it is as good as ever.
    dir.run(&format!("{PROMOTE} --precision fp32")).ok();
    assert_eq!(champion(&dir), Some(1));
}

#[test]
fn pets_taken_for_something_else_are_counted_on_test_images() {
    let test = "pets_taken_for_something_else_are_counted_on_test_images";
    let Some(dir) = with_challenger(test) else {
        return;
    };
    let on_test = format!("{PROMOTE} --split test --min-known 0");
    let text = dir.run(&on_test).ok();
    let known = report(&dir).comparisons[0].challenger.known;
    assert!(known.is_some(), "{text}");
    assert!(text.contains("\nknown "), "{text}");
    // A champion in the results that can tell is beside one that was made alike.
    dir.run("export --dataset folder --data-dir pets").ok();
    let train =
        "train --dataset folder --backbone backbone.safetensors --model-name pets --data-dir pets";
    dir.run(&format!("{train} {}", crate::promote::GOOD)).ok();
    dir.write("gate.json", r#"{"known": {"min_absolute_change": 0.5}}"#);
    let gate = format!("{on_test} --version 2 --dry-run");
    dir.run(&format!("{gate} --gate gate.json"))
        .refused()
        .naming(&["misses limits of known"]);
    dir.run(&format!("{on_test} --version 2")).ok();
    let second = report(&dir);
    let [one] = &second.comparisons[..] else {
        panic!("{second:?}")
    };
    assert_eq!(one.champion.as_ref().unwrap().known, known);
    assert_eq!(one.challenger.known, known, "the same once more");
    assert_eq!(second.verdict, Verdict::Passed);
    let checks = one
        .checks
        .iter()
        .filter(|check| check.metric.name() == "known");
    assert_eq!(checks.count(), 2);
    dir.refused(&format!("{PROMOTE} --max-known-loss 2"))
        .naming(&["known", "2"]);
}
