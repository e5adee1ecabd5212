//! `pet-cli promote`

use pet_image::{Format, RgbImage, encode_rgb};
use pet_model::read_json;
use pet_pipeline::promote::{Promotion, Verdict};

#[cfg(unix)]
use crate::paused::Paused;
use crate::test_dir::TestDir;

const TRAIN: &str = "train --dataset folder --backbone backbone.safetensors --model-name pets";
const PROMOTE: &str = "promote --dataset folder --data-dir pets";
/// Options that are enough to learn the colours.
pub(crate) const GOOD: &str = "--epochs 100 --learning-rate 0.005";
/// Options that are not enough, so that the model is as good as chance.
const BROKEN: &str = "--epochs 1 --learning-rate 0.003";

/// Classes, and the RGB values of their darkest shades.
pub(crate) const COLOURS: [(&str, [u8; 3]); 4] =
    [("Black", [0, 0, 0]), ("Blue", [0, 0, 200]), ("Red", [200, 0, 0]), ("White", [200; 3])];

/// An image of a lighter shade.
pub(crate) fn shade(levels: [u8; 3], lighter: u8) -> Vec<u8> {
    let image = RgbImage::from_pixel(32, 32, levels.map(|level| level + lighter).into());
    encode_rgb(&image, Format::Png).unwrap()
}

/// Creates a data set of colours in several shades: `images` training images and two test images per class.
pub(crate) fn colours(dir: &TestDir, name: &str, images: u8) {
    for (class, levels) in COLOURS {
        for (part, count) in [("train", images), ("test", 2)] {
            for number in 0..count {
                let lighter = number * 5 + if part == "test" { 2 } else { 0 };
                let png = shade(levels, lighter);
                dir.write(&format!("{name}/{part}/{class}/{number}.png"), png);
            }
        }
    }
}

pub(crate) fn champion(dir: &TestDir) -> Option<u32> {
    let model = dir.client().registered_model("pets").unwrap();
    model.aliases.get("champion").copied()
}

fn tag(dir: &TestDir, version: u32, key: &str) -> String {
    let version = dir.client().model_version("pets", version).unwrap();
    version.tags.get(key).cloned().unwrap_or_default()
}

pub(crate) fn report(dir: &TestDir) -> Promotion {
    read_json(&dir.path("promotion.json")).unwrap()
}

/// A folder with one trained version as the challenger.
pub(crate) fn with_challenger() -> Option<TestDir> {
    let dir = TestDir::with_runtime()?;
    dir.write("backbone.safetensors", pet_tests::backbone_bytes());
    colours(&dir, "pets", 10);
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
    let json = dir.run(&format!("{version} --json --max-latency 60000")).json();
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
    let Some(dir) = TestDir::with_runtime() else { return };
    dir.write("backbone.safetensors", pet_tests::backbone_bytes());
    colours(&dir, "pets", 10);
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
    let promote = |version: u32| format!("{PROMOTE} --max-latency 60000 --version {version}");

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
