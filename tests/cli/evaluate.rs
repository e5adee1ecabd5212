//! `pet-cli evaluate`

use pet_model::{Metrics, read_json};
use pet_tests::{metadata, sample_pictures};
use serde_json::Value;

use crate::test_dir::TestDir;

/// The stand-in, and pictures for its classes: two each to train on and one to test on.
fn dir(test: &str) -> Option<TestDir> {
    let dir = TestDir::with_model(test)?;
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
fn a_folder_of_class_folders_is_measured_and_changes_no_results() {
    let Some(dir) = dir("a_folder_of_class_folders_is_measured_and_changes_no_results") else {
        return;
    };
    let before = dir.files();
    let output = dir.run("evaluate pets --json");
    assert!(output.stderr.contains("not logged"), "{}", output.stderr);
    let answer: Value = serde_json::from_str(&output.ok()).unwrap();
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
    let Some(dir) = dir("the_limits_of_images_are_options") else {
        return;
    };
    dir.refused("evaluate pets --max-pixels 10")
        .naming(&["cannot use `pets/", "more than the limit of `10` pixels"])
        .hinting("`--max-pixels");
    dir.refused("evaluate pets --max-upload 10")
        .naming(&["cannot use `pets/", "more than the limit of `10`"])
        .hinting("`--max-upload`");
}

#[test]
fn the_report_is_aligned_and_the_pictures_are_where_they_were_asked_for() {
    let test = "the_report_is_aligned_and_the_pictures_are_where_they_were_asked_for";
    let Some(dir) = dir(test) else { return };
    let text = dir.run("evaluate pets --pictures report").ok();
    for part in [
        "top-1 accuracy",
        "top-5 accuracy",
        "macro F1",
        "calibration error",
    ] {
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
fn a_split_of_a_data_set_is_kept_with_the_model() {
    let Some(dir) = dir("a_split_of_a_data_set_is_kept_with_the_model") else {
        return;
    };
    let data = "--dataset folder --data-dir pets --validation-fraction 0.5";
    dir.run(&format!("evaluate {data} --split val")).ok();
    dir.run(&format!("evaluate {data} --split train --seed 7"))
        .ok();
    let metrics: Metrics = read_json(&dir.path("results/metrics.json")).unwrap();
    let command = &metrics.splits["train"].command;
    assert_eq!(
        command,
        "pet-cli evaluate --dataset folder --data-dir pets --split train --seed 7"
    );
    assert!(metrics.splits["validation"].calibration.is_some());
    assert!(dir.path("results/mistakes.png").is_file());
    let card = fs_err::read_to_string(dir.path("results/MODEL_CARD.md")).unwrap();
    assert!(card.contains("calibration error"), "{card}");
}

#[test]
fn a_folder_and_a_data_set_exclude_each_other() {
    let dir = TestDir::new();
    let output = dir.run("evaluate pets --split test");
    assert_eq!(output.status, Some(2), "{output:?}");
}

#[test]
fn one_class_is_enough_and_its_own_folder_is_told_from_the_one_above() {
    let test = "one_class_is_enough_and_its_own_folder_is_told_from_the_one_above";
    let Some(dir) = dir(test) else { return };
    let class = &metadata().classes[0];
    fs_err::create_dir(dir.path("one")).unwrap();
    let (from, to) = (format!("pets/train/{class}"), format!("one/{class}"));
    fs_err::rename(dir.path(&from), dir.path(&to)).unwrap();
    let answer: Value = serde_json::from_str(&dir.run("evaluate one --json").ok()).unwrap();
    assert_eq!(answer["one"]["images"], 2);
    dir.refused(&format!("evaluate {to}"))
        .naming(&[&format!("`{to}` holds 0 class folders")])
        .hinting("name the folder above it");
    fs_err::create_dir(dir.path("beagle")).unwrap();
    dir.refused("evaluate beagle")
        .naming(&["`beagle` holds 0 class folders"])
        .hinting("a folder named after the class");
}

#[test]
fn classes_that_the_model_does_not_know_are_named() {
    let Some(dir) = dir("classes_that_the_model_does_not_know_are_named") else {
        return;
    };
    let picture = pet_tests::gradient(9, 9, pet_image::Format::Png);
    dir.write("strange/Dodo/a.png", &picture);
    dir.write("strange/Quagga/b.png", &picture);
    dir.refused("evaluate strange").naming(&["`Dodo`"]);
}
