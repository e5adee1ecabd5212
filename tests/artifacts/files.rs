//! The files of a model.

use pet_model::{
    CARD_FILE, CLASSES_FILE, CONFUSION_FILE, CURVES_FILE, METRICS_FILE, MODEL_FILE, SELECTION_FILE,
    Selection, read_classes, read_json,
};
use pet_tests::{results, results_are_committed};

const FILES: [&str; 7] = [
    MODEL_FILE,
    CLASSES_FILE,
    SELECTION_FILE,
    METRICS_FILE,
    CURVES_FILE,
    CONFUSION_FILE,
    CARD_FILE,
];

#[test]
fn all_files_exist_and_no_temporary_ones() {
    let folder = results();
    for file in FILES {
        let length = fs_err::metadata(folder.join(file)).unwrap().len();
        assert!(length > 0, "`{file}` is empty");
    }
    for entry in fs_err::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let left_over = name.starts_with('.') && name != ".gitkeep" && name != ".gitignore";
        assert!(!left_over, "`{name}` was left behind");
    }
}

#[test]
fn selection_is_complete() {
    let selection: Selection = read_json(&results().join(SELECTION_FILE)).unwrap();
    let best = selection.candidates.first().expect("a candidate");
    assert_eq!((&best.version, &best.run_id), (&selection.version, &selection.run_id));
    let aliases = [pet_export::CHAMPION, pet_export::CHALLENGER];
    assert!(aliases.contains(&selection.alias.as_str()), "{}", selection.alias);
    assert!(!selection.rule.is_empty());
    for candidate in &selection.candidates {
        assert!((0.0..=1.0).contains(&candidate.val_acc), "{candidate:?}");
        assert!(candidate.val_acc <= best.val_acc, "{candidate:?} beats the one chosen");
        assert!(!candidate.reason.is_empty(), "{candidate:?}");
    }
}

#[test]
fn committed_classes_match_torchvision() {
    let classes = read_classes(&results().join(CLASSES_FILE)).unwrap();
    if results_are_committed() {
        assert_eq!(classes, pet_data::oxford::class_names());
    } else {
        assert!(classes.len() >= 2, "{classes:?}");
    }
}

#[test]
fn card_names_version_run_and_classes() {
    let folder = results();
    let selection: Selection = read_json(&folder.join(SELECTION_FILE)).unwrap();
    let card = fs_err::read_to_string(folder.join(CARD_FILE)).unwrap();
    let heading = card.lines().next().unwrap();
    assert!(heading.ends_with(&format!(", version {}", selection.version)), "{heading}");
    assert!(card.contains(&selection.run_id), "no run {}", selection.run_id);
    for class in read_classes(&folder.join(CLASSES_FILE)).unwrap() {
        let plain = card.replace('\\', "");
        assert!(plain.contains(&class), "no class {class}");
    }
    for picture in [CURVES_FILE, CONFUSION_FILE] {
        assert!(card.contains(picture), "no {picture}");
    }
}
