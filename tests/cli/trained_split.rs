//! Exports and evaluations on the split that a model was trained with.

use pet_model::{Metrics, read_json};

use crate::promote::{COLOURS, colours, shade};
use crate::test_dir::TestDir;

const TRAIN: &str = "train --dataset folder --data-dir pets --backbone backbone.safetensors --epochs 1 --model-name pets";
const DATA: &str = "--dataset folder --data-dir pets";

/// A folder with one version, trained on another split than the default.
fn dir() -> Option<TestDir> {
    let dir = TestDir::with_runtime()?;
    dir.write("backbone.safetensors", pet_tests::backbone_bytes());
    colours(&dir, "pets", 10);
    dir.run(&format!("{TRAIN} --seed 7 --validation-fraction 0.4")).ok();
    dir.run("select").ok();
    Some(dir)
}

#[test]
fn the_split_of_the_training_is_the_default() {
    let Some(dir) = dir() else { return };
    dir.run(&format!("export {DATA}")).ok();
    dir.run(&format!("evaluate {DATA} --split validation")).ok();
    let metrics: Metrics = read_json(&dir.path("results/metrics.json")).unwrap();
    let validation = &metrics.splits["validation"];
    assert_eq!(validation.images, COLOURS.len() * 4);
    assert_eq!(
        validation.command,
        format!("pet-cli evaluate {DATA} --split validation --seed 7 --validation-fraction 0.4")
    );
    let promoted = dir.run(&format!("promote {DATA} --min-accuracy 0 --dry-run"));
    assert!(promoted.stdout.contains("measured on 16 validation images of pets"), "{promoted:?}");
}

#[test]
fn duplicates_are_grouped_as_in_the_training() {
    let Some(dir) = TestDir::with_runtime() else { return };
    dir.write("backbone.safetensors", pet_tests::backbone_bytes());
    colours(&dir, "pets", 10);
    for (class, levels) in COLOURS {
        dir.write(&format!("pets/train/{class}/copy.png"), shade(levels, 0));
    }
    dir.run(&format!("{TRAIN} --group-duplicates")).ok();
    dir.run("select").ok();
    dir.run(&format!("export {DATA}")).ok();
    dir.run(&format!("evaluate {DATA} --split validation")).ok();
    let metrics: Metrics = read_json(&dir.path("results/metrics.json")).unwrap();
    let command = &metrics.splits["validation"].command;
    assert!(command.ends_with(" --group-duplicates"), "{command}");
    dir.run(TRAIN).ok();
    dir.refused(&format!("export {DATA} --version 2 --group-duplicates"))
        .naming(&["trained on different images"])
        .hinting("--group-duplicates");
}

#[test]
fn another_split_is_refused() {
    let Some(dir) = dir() else { return };
    let splits = ["seed 7, 24 images to train on", "got seed 8, 24 images"];
    let refused = |command: &str| dir.refused(command).naming(&splits).hinting("--force");
    refused(&format!("export {DATA} --seed 8"));
    dir.refused(&format!("export {DATA} --validation-fraction 0.2"))
        .naming(&["seed 7, 24 images", "got seed 7, 32 images"]);
    dir.run(&format!("export {DATA} --seed 8 --force")).ok();
    refused(&format!("export {DATA} --precision int8 --seed 8"));
    for split in ["validation", "train", "all"] {
        refused(&format!("evaluate {DATA} --split {split} --seed 8"));
    }
    dir.run(&format!("evaluate {DATA} --split validation --seed 8 --force")).ok();
    // The test images don't depend on the split.
    dir.run(&format!("evaluate {DATA} --split test --seed 8")).ok();
}

#[test]
fn another_data_set_is_refused() {
    let Some(dir) = dir() else { return };
    colours(&dir, "others", 9);
    let others = "--dataset folder --data-dir others";
    dir.refused(&format!("export {others}"))
        .naming(&["trained on different images", "expected pets", "got others"])
        .hinting("--force");
    dir.run(&format!("export {others} --force")).ok();
    dir.refused(&format!("evaluate {others} --split validation"))
        .naming(&["expected pets", "got others"]);
    dir.run(&format!("evaluate {others} --split test")).ok();
}
