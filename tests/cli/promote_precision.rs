//! `pet-cli promote` with int8 models and outlier detection.

use pet_model::{SELECTION_FILE, Selection, read_json, write_json};
use pet_pipeline::promote::{Promotion, Verdict};
use pet_predict::Precision;
use sha2::{Digest, Sha256};

use crate::promote::{GOOD, champion, report, with_challenger};
use crate::test_dir::TestDir;

const PROMOTE: &str = "promote --dataset folder --data-dir pets --max-latency 60000";
const EXPORT: &str = "export --dataset folder --data-dir pets --precision both";

fn precisions(promotion: &Promotion) -> Vec<Precision> {
    let comparisons = promotion.comparisons.iter();
    comparisons.map(|one| one.precision).collect()
}

/// Raises the temperature of the exported int8 model, so that its confidence is too low.
fn lower_confidence(dir: &TestDir) {
    let model = dir.path("results/model.int8.onnx");
    pet_tests::set_temperature(&model, 1e3);
    let digest = Sha256::digest(fs_err::read(&model).unwrap());
    let file = dir.path("results").join(SELECTION_FILE);
    let mut selection: Selection = read_json(&file).unwrap();
    selection.int8_sha256 = Some(format!("{digest:x}"));
    write_json(&file, &selection).unwrap();
}

#[test]
fn an_exported_int8_model_is_compared_too() {
    let Some(dir) = with_challenger() else { return };
    dir.run(&format!("{PROMOTE} --dry-run")).ok();
    assert_eq!(precisions(&report(&dir)), [Precision::Fp32]);
    dir.run(&format!("{PROMOTE} --dry-run --precision both")).ok();
    assert_eq!(precisions(&report(&dir)), Precision::ALL);

    // The exported model is compared without another export.
    dir.run(EXPORT).ok();
    lower_confidence(&dir);
    let results = || {
        let mut files = dir.files();
        files.retain(|(path, _)| path.starts_with(dir.path("results")));
        files
    };
    let before = results();
    let refused = dir.run(PROMOTE).refused();
    let refused = refused.naming(&["does not meet the limits on int8 calibration_error"]);
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
    let metrics = |index: usize| report(&dir).comparisons[index].challenger.clone();
    assert!(metrics(1).calibration_error > metrics(0).calibration_error);
    assert!(metrics(1).known.is_some(), "it was exported with a data set");
    let tags = dir.client().model_version("pets", 1).unwrap().tags;
    assert_eq!(tags["promotion_failed"], "int8 calibration_error");
    assert!(tags.contains_key("promotion_accuracy_int8"), "{tags:?}");

    dir.run(&format!("{PROMOTE} --max-calibration-error 1 --dry-run")).ok();
    // The fp32 model is unchanged.
    dir.run(&format!("{PROMOTE} --precision fp32")).ok();
    assert_eq!(champion(&dir), Some(1));
}

#[test]
fn pets_taken_for_outliers_are_counted_on_test_images() {
    let Some(dir) = with_challenger() else { return };
    let on_test = format!("{PROMOTE} --split test --min-known 0");
    let text = dir.run(&on_test).ok();
    let known = report(&dir).comparisons[0].challenger.known;
    assert!(known.is_some(), "{text}");
    let row = text.lines().find(|line| line.starts_with("known "));
    assert!(row.unwrap().ends_with("yes"), "{text}");
    assert!(!text.contains("is not measured"), "{text}");
    // With a champion in the results that detects outliers, both versions are compared by that too.
    dir.run("export --dataset folder --data-dir pets").ok();
    let train =
        "train --dataset folder --backbone backbone.safetensors --model-name pets --data-dir pets";
    dir.run(&format!("{train} {GOOD}")).ok();
    dir.write("gate.json", r#"{"known": {"min_absolute_change": 0.5}}"#);
    let gate = format!("{on_test} --version 2 --dry-run");
    dir.run(&format!("{gate} --gate gate.json"))
        .refused()
        .naming(&["does not meet the limits on known"]);
    dir.run(&format!("{on_test} --version 2")).ok();
    let second = report(&dir);
    let [one] = &second.comparisons[..] else { panic!("{second:?}") };
    assert_eq!(one.champion.as_ref().unwrap().known, known);
    assert_eq!(one.challenger.known, known, "the same once more");
    assert_eq!(second.verdict, Verdict::Passed);
    let checks = one.checks.iter().filter(|check| check.metric.name() == "known");
    assert_eq!(checks.count(), 2);
    // The version in the results folder has a threshold, the one that is exported for the comparison would learn it from these
    // images.
    dir.run(&format!("{train} {GOOD}")).ok();
    dir.run("export --version 3 --dataset folder --data-dir pets").ok();
    let text = dir.run(&format!("{PROMOTE} --min-known 0 --version 3")).ok();
    assert!(text.contains("`known` of the champion (version 2) is not measured"), "{text}");
    assert!(!text.contains("`known` of the challenger"), "{text}");
    let known = text.lines().filter(|line| line.starts_with("known "));
    let passed: Vec<&str> = known.map(|line| line.rsplit("  ").next().unwrap()).collect();
    assert_eq!(passed, ["yes", "not checked"], "{text}");
    dir.refused(&format!("{PROMOTE} --max-known-loss 2")).naming(&["known", "2"]);
}
