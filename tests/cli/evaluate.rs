//! `pet-cli evaluate`; and exports and evaluations on the split that a model was trained with.

use pet_model::{Metrics, read_json};
use pet_tests::{metadata, sample_pictures};
use serde_json::Value;

use crate::pictures::{COLOURS, colours, shade, with_colours};
use crate::test_dir::{TRAIN, TestDir};

const DATA: &str = "--dataset folder --data-dir pets";

/// A folder with a model, and a data set of its classes: two training images and one test image each.
fn dir() -> Option<TestDir> {
    let dir = TestDir::with_model()?;
    let pictures = sample_pictures(12);
    for (index, class) in metadata().classes.iter().enumerate() {
        for (number, split) in ["train", "train", "test"].into_iter().enumerate() {
            let picture = &pictures[(3 * index + number) % pictures.len()];
            dir.write(&format!("pets/{split}/{class}/{number}.png"), picture);
        }
    }
    Some(dir)
}

#[test]
fn evaluating_class_folders_keeps_the_results() {
    let Some(dir) = dir() else { return };
    let before = dir.files();
    let output = dir.run("evaluate pets --json");
    assert!(output.stderr.contains("not logged"), "{}", output.stderr);
    let answer = output.json();
    assert_eq!(dir.files(), before);
    let figures = &answer["pets"];
    let images = figures["images"].as_u64().unwrap();
    let share = |name: &str| figures[name].as_f64().unwrap();
    assert!(share("top1") <= share("top5") && share("top5") <= 1.0);
    let calibration = figures["calibration"]["error"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&calibration), "{figures}");
    let mistakes = figures["mistakes"].as_array().unwrap();
    let mistaken = images - (share("top1") * images as f64).round() as u64;
    assert_eq!(mistakes.len() as u64, mistaken.min(20));
    let confidence = |mistake: &Value| mistake["confidence"].as_f64().unwrap();
    assert!(mistakes.is_sorted_by(|one, other| confidence(one) >= confidence(other)));
    for mistake in mistakes {
        assert_ne!(mistake["actual"], mistake["predicted"]);
        assert!(dir.path(mistake["file"].as_str().unwrap()).is_file());
    }
    let confused = figures["confusions"].as_array().unwrap().iter();
    let confused: u64 = confused.map(|one| one["images"].as_u64().unwrap()).sum();
    assert_eq!(confused, mistaken);
}

#[test]
fn the_limits_of_images_are_options() {
    let Some(dir) = dir() else { return };
    dir.refused("evaluate pets --max-pixels 10")
        .naming(&["cannot use `pets/", "more than the limit of `10` pixels"])
        .hinting("`--max-pixels");
    dir.refused("evaluate pets --max-upload 10")
        .naming(&["cannot use `pets/", "more than the limit of `10`"])
        .hinting("`--max-upload`");
}

#[test]
fn the_report_is_aligned_and_plots_are_written() {
    let Some(dir) = dir() else { return };
    let text = dir.run("evaluate pets --pictures report").ok();
    for part in ["top-1 accuracy", "top-5 accuracy", "macro F1", "calibration error"] {
        assert!(text.contains(part), "no {part}:\n{text}");
    }
    let mut lines = text.lines().skip_while(|line| !line.contains("precision"));
    let head = lines.next().unwrap();
    let rows: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    assert!(rows.len() >= 2);
    for row in rows.iter().filter(|row| row.contains('%')) {
        assert_eq!(row.chars().count(), head.chars().count(), "{head}\n{row}");
    }
    for picture in ["confusion_matrix.png", "mistakes.png"] {
        let png = fs_err::read(dir.path("report").join(picture)).unwrap();
        assert!(png.starts_with(b"\x89PNG"), "{picture}");
    }
}

#[test]
fn metrics_of_a_split_are_saved_with_the_model() {
    let Some(dir) = dir() else { return };
    let data = "--dataset folder --data-dir pets --validation-fraction 0.5";
    dir.run(&format!("evaluate {data} --split val")).ok();
    dir.run(&format!("evaluate {data} --split train --seed 7")).ok();
    let metrics: Metrics = read_json(&dir.path("results/metrics.json")).unwrap();
    let command = &metrics.splits["train"].command;
    assert_eq!(
        command,
        "pet-cli evaluate --dataset folder --data-dir pets --split train --seed 7 --validation-fraction 0.5"
    );
    assert!(metrics.splits["validation"].calibration.is_some());
    assert!(dir.path("results/mistakes.png").is_file());
    let card = fs_err::read_to_string(dir.path("results/MODEL_CARD.md")).unwrap();
    assert!(card.contains("calibration error"), "{card}");
}

#[test]
fn all_images_of_a_data_set_without_test_images_are_its_validation_images() {
    let Some(dir) = dir() else { return };
    fs_err::remove_dir_all(dir.path("pets/test")).unwrap();
    let data = "--dataset folder --data-dir pets --validation-fraction 0.5";
    let splits = dir.run(&format!("evaluate {data} --split all --json")).json();
    let names: Vec<_> = splits.as_object().unwrap().keys().collect();
    assert_eq!(names, ["validation"]);
}

#[test]
fn a_folder_and_a_data_set_exclude_each_other() {
    let dir = TestDir::new();
    dir.run("evaluate pets --split test").misused();
}

#[test]
fn one_class_is_enough_but_not_its_folder_itself() {
    let Some(dir) = dir() else { return };
    let class = &metadata().classes[0];
    fs_err::create_dir(dir.path("one")).unwrap();
    let (from, to) = (format!("pets/train/{class}"), format!("one/{class}"));
    fs_err::rename(dir.path(&from), dir.path(&to)).unwrap();
    let answer = dir.run("evaluate one --json").json();
    assert_eq!(answer["one"]["images"], 2);
    dir.refused(&format!("evaluate {to}"))
        .naming(&[&format!("`{to}` contains 0 class folders")])
        .hinting("name the folder above it");
    fs_err::create_dir(dir.path("beagle")).unwrap();
    dir.refused("evaluate beagle")
        .naming(&["`beagle` contains 0 class folders"])
        .hinting("a folder named after the class");
}

#[test]
fn unknown_classes_are_reported() {
    let Some(dir) = dir() else { return };
    let picture = pet_tests::gradient(9, 9, pet_image::Format::Png);
    dir.write("strange/Dodo/a.png", &picture);
    dir.write("strange/Quagga/b.png", &picture);
    dir.refused("evaluate strange").naming(&["`Dodo`"]);
}

/// A folder with one version, trained on another split than the default.
fn trained() -> Option<TestDir> {
    let dir = with_colours()?;
    dir.run(&format!("{TRAIN} --epochs 1 --model-name pets --seed 7 --validation-fraction 0.4"))
        .ok();
    dir.run("select").ok();
    Some(dir)
}

#[test]
fn the_split_of_the_training_is_the_default() {
    let Some(dir) = trained() else { return };
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
fn images_are_grouped_as_in_the_training() {
    let Some(dir) = with_colours() else { return };
    for (class, levels) in COLOURS {
        dir.write(&format!("pets/train/{class}/copy.png"), shade(levels, 0));
    }
    for (version, options) in [
        (1, " --group-duplicates"),
        (2, " --group-series"),
        (3, " --group-duplicates --group-series"),
    ] {
        dir.run(&format!("{TRAIN} --epochs 1 --model-name pets{options}")).ok();
        dir.run(&format!("export {DATA} --version {version}")).ok();
        dir.run(&format!("evaluate {DATA} --split validation")).ok();
        let metrics: Metrics = read_json(&dir.path("results/metrics.json")).unwrap();
        let command = &metrics.splits["validation"].command;
        assert!(command.ends_with(options), "{command}");
    }
    dir.run(&format!("{TRAIN} --epochs 1 --model-name pets")).ok();
    for option in ["--group-duplicates", "--group-series"] {
        dir.refused(&format!("export {DATA} --version 4 {option}"))
            .naming(&["trained on different images"])
            .hinting(option);
    }
}

#[test]
fn another_split_is_refused() {
    let Some(dir) = trained() else { return };
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
    let Some(dir) = trained() else { return };
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
