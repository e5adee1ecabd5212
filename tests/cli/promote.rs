//! `pet-cli promote`, also of int8 models and with outlier detection.

use pet_model::{SELECTION_FILE, Selection, read_json, write_json};
use pet_pipeline::promote::{Promotion, Verdict};
use pet_predict::Precision;

use crate::pictures::{GOOD, colours, with_colours};
#[cfg(unix)]
use crate::running::Paused;
use crate::test_dir::TestDir;

const TRAIN: &str = "train --dataset folder --backbone backbone.safetensors --model-name pets";
const PROMOTE: &str = "promote --dataset folder --data-dir pets";

/// The latency on a busy machine must not fail a test.
const ANY_LATENCY: &str = "--max-latency 60000";

/// Options that are not enough, so that the model is as good as chance.
const BROKEN: &str = "--epochs 1 --learning-rate 0.003";
const EXPORT: &str = "export --dataset folder --data-dir pets --precision both";

fn champion(dir: &TestDir) -> Option<u32> {
    let model = dir.client().registered_model("pets").unwrap();
    model.aliases.get("champion").copied()
}

fn tag(dir: &TestDir, version: u32, key: &str) -> String {
    let version = dir.client().model_version("pets", version).unwrap();
    version.tags.get(key).cloned().unwrap_or_default()
}

fn report(dir: &TestDir) -> Promotion {
    read_json(&dir.path("promotion.json")).unwrap()
}

/// A folder with one trained version as the challenger.
pub(crate) fn with_challenger() -> Option<TestDir> {
    let dir = with_colours()?;
    dir.run(&format!("{TRAIN} --data-dir pets {GOOD}")).ok();
    dir.run("select").ok();
    Some(dir)
}

#[test]
fn a_first_model_is_promoted_and_a_worse_one_is_rejected() {
    let Some(dir) = with_challenger() else { return };
    dir.run(&format!("{PROMOTE} --dry-run")).ok();
    assert_eq!(champion(&dir), None, "a dry run changes nothing");
    assert_eq!(tag(&dir, 1, "validation_status"), "");
    let text = dir.run(PROMOTE).ok();
    assert!(text.contains("version 1 of `pets` is now `champion` (the first)"), "{text}");
    assert_eq!(champion(&dir), Some(1));
    // The validation images would determine the threshold.
    let known = text.lines().find(|line| line.starts_with("known "));
    assert!(known.unwrap().ends_with("not checked"), "{text}");
    let reason = "`known` of the challenger (version 1) is not measured";
    assert!(text.contains(reason), "{text}");
    let recall = text.lines().find(|line| line.starts_with("recall "));
    assert!(recall.unwrap().ends_with("not checked"), "{text}");
    let reason = "the recall of 4 classes is not checked: fewer than 10 images each";
    assert!(text.contains(reason), "{text}");
    let first = report(&dir);
    assert_eq!((first.verdict, first.champion), (Verdict::Passed, None));
    assert_eq!(tag(&dir, 1, "validation_status"), "approved");
    let again = dir.run(PROMOTE).ok();
    assert!(again.contains("version 1 of `pets` is already the champion"), "{again}");

    dir.run(&format!("{TRAIN} --data-dir pets {BROKEN}")).ok();
    dir.run("models alias pets challenger 2").ok();
    let refused = dir.run(PROMOTE).refused();
    let refused = refused
        .naming(&["version 2 of `pets`", "accuracy"])
        .hinting("`pet-cli models alias pets champion 2` makes it the champion anyway");
    let row = refused.stdout.lines().find(|line| line.starts_with("accuracy"));
    assert!(row.unwrap().ends_with("no"), "{}", refused.stdout);
    assert_eq!(champion(&dir), Some(1));
    let second = report(&dir);
    assert_eq!(second.verdict, Verdict::Refused);
    let [first, second] = [&first.comparisons[0], &second.comparisons[0]];
    let champion_now = second.champion.as_ref().unwrap();
    let difference = champion_now.accuracy - first.challenger.accuracy;
    assert!(difference.abs() < 1e-9, "the same version: {difference}");
    let paired = second.paired.unwrap();
    assert!(paired.only_champion > paired.only_challenger, "{paired:?}");
    assert_eq!(tag(&dir, 2, "validation_status"), "rejected");
    assert_eq!(tag(&dir, 2, "promotion_against"), "1");
    assert!(tag(&dir, 2, "promotion_failed").contains("accuracy"));

    // The same model is as good as the champion, but not better.
    let version = format!("{PROMOTE} --version 3");
    dir.run(&format!("{TRAIN} --data-dir pets {GOOD}")).ok();
    dir.run(&format!("{version} --require-better")).refused().naming(&["mcnemar"]);
    assert_eq!(champion(&dir), Some(1));
    let json = dir.run(&format!("{version} --json {ANY_LATENCY}")).json();
    assert_eq!(
        (&json["verdict"], &json["comparisons"][0]["paired"]["only_champion"]),
        (&"passed".into(), &0.into())
    );
    assert_eq!(champion(&dir), Some(3));
    assert_eq!(tag(&dir, 3, "promotion_p_value"), "1");
    dir.refused(&format!("{PROMOTE} --alias ghost"))
        .naming(&["the alias `ghost`"])
        .hinting("`pet-cli models show pets` lists the aliases");
}

#[test]
fn the_advice_after_a_training_leads_to_a_champion_that_recognizes_outliers() {
    let Some(dir) = with_colours() else { return };
    let text = dir.run(&format!("{TRAIN} --data-dir pets {GOOD}")).ok();
    let advice = text.lines().filter_map(|line| line.strip_prefix("  pet-cli "));
    let outputs: Vec<String> = advice.map(|command| dir.run(command).ok()).collect();
    assert_eq!(outputs.len(), 3, "{text}");
    assert_eq!(champion(&dir), Some(1));
    assert!(outputs[2].contains("count as none of the classes"), "{outputs:?}");
    assert!(dir.path("models/pets/model.onnx").is_file());
}

#[test]
fn unusable_limits_are_reported() {
    let Some(dir) = with_challenger() else { return };
    dir.write("gate.json", "[]");
    for (file, problem) in [
        ("nowhere.json", "file not found: `nowhere.json`"),
        ("gate.json", "`gate.json` as promotion limits"),
    ] {
        let output = dir.refused(&format!("{PROMOTE} --gate {file}"));
        let output = output.naming(&[problem]);
        assert!(!output.stderr.contains("metadata"), "{output:?}");
    }
}

#[cfg(unix)]
#[test]
fn one_of_two_simultaneous_promotions_fails() {
    let Some(dir) = with_challenger() else { return };
    dir.run(PROMOTE).ok();
    let train = format!("{TRAIN} --data-dir pets {GOOD} --json");
    let second = dir.run(&train).json();
    dir.run(&train).ok();
    let promote = |version: u32| format!("{PROMOTE} {ANY_LATENCY} --version {version}");

    // The training curves are read after the champion.
    let client = dir.client();
    let run = client.run(second[0]["run_id"].as_str().unwrap()).unwrap();
    let folder = run.artifact_uri.trim_start_matches("file://");
    let curves = std::path::Path::new(folder).join("training_curves.png");
    let content = fs_err::read(&curves).unwrap();
    let paused = Paused::at(&curves, dir.command(&format!("{} --output 2.json", promote(2))));
    dir.run(&promote(3)).ok();
    paused
        .resume(&content)
        .refused()
        .naming(&["`champion`", "expected version 1, found version 3"])
        .hinting("pet-cli promote");
    assert_eq!(champion(&dir), Some(3));
    assert_eq!(tag(&dir, 3, "validation_status"), "approved");
    assert_eq!(tag(&dir, 2, "validation_status"), "", "it was not promoted");
    assert!(!dir.path("2.json").exists());
}

#[test]
fn limits_are_read_from_a_file_and_options() {
    let Some(dir) = with_challenger() else { return };
    let gate = |text: &str, options: &str| {
        dir.write("gate.json", text);
        dir.run(&format!("{PROMOTE} --gate gate.json {options}"))
    };
    gate(r#"{"size_mb": {"threshold": 0.001}}"#, "").refused().naming(&["size_mb"]);
    assert_eq!(champion(&dir), None);
    assert_eq!(report(&dir).gate.size_mb.threshold, Some(0.001));
    for (text, part) in [
        (r#"{"acuracy": {}}"#, "acuracy"),
        (r#"{"accuracy": {"threshold": 90}}"#, "90"),
        ("{", "gate.json"),
    ] {
        gate(text, "").refused().naming(&[part]);
    }
    dir.refused(&format!("{PROMOTE} --gate missing.json")).naming(&["missing.json"]);
    dir.refused(&format!("{PROMOTE} --min-accuracy 50")).naming(&["threshold", "50"]);
    dir.write("taken/inside", "");
    let taken = dir.run(&format!("{PROMOTE} --output taken")).refused();
    taken.naming(&["taken"]);
    gate(r#"{"size_mb": {"threshold": 0.001}}"#, "--max-size 1000").ok();
    assert_eq!(champion(&dir), Some(1));
}

#[test]
fn failed_comparisons_keep_the_champion() {
    let Some(dir) = with_challenger() else { return };
    dir.refused(&format!("{PROMOTE} --alias best"))
        .naming(&["`pets`", "`best`"])
        .hinting("pet-cli models show pets");
    dir.refused(&format!("{PROMOTE} --version 7")).naming(&["challenger, version 7"]);
    dir.refused(&format!("{PROMOTE} --model-name dogs")).naming(&["dogs"]);
    dir.refused(&format!("{PROMOTE} --seed 7")).naming(&["seed 42", "seed 7"]).hinting("--seed");
    colours(&dir, "others", 9);
    let others = "promote --dataset folder --data-dir others";
    dir.refused(others).naming(&["different images"]).hinting("--data-dir");
    dir.run(PROMOTE).ok();

    dir.run(&format!("{TRAIN} --data-dir others {GOOD}")).ok();
    dir.run("models alias pets challenger 2").ok();
    dir.refused(others)
        .naming(&["version 2", "champion, version 1", "was trained on pets"])
        .hinting("--split test");
    let test = dir.run(&format!("{others} --split test --dry-run --output test.json"));
    assert!(test.stderr.contains("was trained on pets"), "{}", test.stderr);
    assert!(dir.path("test.json").exists(), "{test:?}");

    // Delete the champion's files.
    let client = dir.client();
    let files = client.download_uri("pets", 1).unwrap();
    dir.run(&format!("{TRAIN} --data-dir pets {GOOD}")).ok();
    fs_err::remove_dir_all(files.trim_start_matches("file://")).unwrap();
    dir.refused(&format!("{PROMOTE} --version 3"))
        .naming(&["champion, version 1", "files of version 1 of `pets` are gone"])
        .hinting("models alias");
    assert_eq!(champion(&dir), Some(1));
    dir.write("results/kept.txt", "");
    dir.refused("export").naming(&["files of version 1 of `pets` are gone"]).hinting("--version");
    dir.refused("export --alias best").naming(&["`pets`", "`best`"]).hinting("models alias");
}

fn precisions(promotion: &Promotion) -> Vec<Precision> {
    let comparisons = promotion.comparisons.iter();
    comparisons.map(|one| one.precision).collect()
}

/// Raises the temperature of the exported int8 model, so that its confidence is too low.
fn lower_confidence(dir: &TestDir) {
    let model = dir.path("results/model.int8.onnx");
    pet_tests::set_temperature(&model, 1e3);
    let file = dir.path("results").join(SELECTION_FILE);
    let mut selection: Selection = read_json(&file).unwrap();
    selection.int8_sha256 = Some(pet_tests::sha256(&fs_err::read(&model).unwrap()));
    write_json(&file, &selection).unwrap();
}

#[test]
fn an_exported_int8_model_is_compared_too() {
    let Some(dir) = with_challenger() else { return };
    dir.run(&format!("{PROMOTE} {ANY_LATENCY} --dry-run")).ok();
    assert_eq!(precisions(&report(&dir)), [Precision::Fp32]);
    dir.run(&format!("{PROMOTE} {ANY_LATENCY} --dry-run --precision both")).ok();
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
    let refused = dir.run(&format!("{PROMOTE} {ANY_LATENCY}")).refused();
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

    dir.run(&format!("{PROMOTE} {ANY_LATENCY} --max-calibration-error 1 --dry-run")).ok();
    // The fp32 model is unchanged.
    dir.run(&format!("{PROMOTE} {ANY_LATENCY} --precision fp32")).ok();
    assert_eq!(champion(&dir), Some(1));
}

#[test]
fn pets_taken_for_outliers_are_counted_on_test_images() {
    let Some(dir) = with_challenger() else { return };
    let on_test = format!("{PROMOTE} {ANY_LATENCY} --split test --min-known 0");
    let text = dir.run(&on_test).ok();
    let known = report(&dir).comparisons[0].challenger.known;
    assert!(known.is_some(), "{text}");
    let row = text.lines().find(|line| line.starts_with("known "));
    assert!(row.unwrap().ends_with("yes"), "{text}");
    assert!(!text.contains("is not measured"), "{text}");
    // With a champion in the results that detects outliers, both versions are compared by that too.
    dir.run("export --dataset folder --data-dir pets").ok();
    let train = format!("{TRAIN} --data-dir pets {GOOD}");
    dir.run(&train).ok();
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
    dir.run(&train).ok();
    dir.run("export --version 3 --dataset folder --data-dir pets").ok();
    let text = dir.run(&format!("{PROMOTE} {ANY_LATENCY} --min-known 0 --version 3")).ok();
    assert!(text.contains("`known` of the champion (version 2) is not measured"), "{text}");
    assert!(!text.contains("`known` of the challenger"), "{text}");
    let known = text.lines().filter(|line| line.starts_with("known "));
    let passed: Vec<&str> = known.map(|line| line.rsplit("  ").next().unwrap()).collect();
    assert_eq!(passed, ["yes", "not checked"], "{text}");
    dir.refused(&format!("{PROMOTE} {ANY_LATENCY} --max-known-loss 2")).naming(&["known", "2"]);
}
