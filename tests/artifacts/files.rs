//! The files of a results folder, their metrics and figures.

use std::collections::HashSet;

use pet_image::{Format, Limits, decode};
use pet_model::{
    CARD_FILE, CLASSES_FILE, CONFUSION_FILE, CURVES_FILE, METRICS_FILE, MODEL_FILE, Metrics,
    SELECTION_FILE, Selection, SplitMetrics, read_classes, read_json,
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

fn check(name: &str, figures: &SplitMetrics, classes: &[String]) {
    assert!(figures.images > 0, "{name}");
    for share in [figures.top1, figures.top5, figures.macro_f1] {
        assert!((0.0..=1.0).contains(&share), "{name}: {share}");
    }
    assert!(figures.top5 >= figures.top1, "{name}");
    assert!(figures.loss.is_finite() && figures.loss >= 0.0, "{name}: {}", figures.loss);
    assert!(figures.command.contains("pet-cli"), "{name}: made by `{}`", figures.command);
    assert!(figures.classes.keys().all(|class| classes.contains(class)), "{name}");
    let images: usize = figures.classes.values().map(|class| class.images).sum();
    assert_eq!(images, figures.images, "{name}");
    for (class, figures) in &figures.classes {
        for share in [figures.precision, figures.recall, figures.f1] {
            assert!((0.0..=1.0).contains(&share), "{name} {class}: {share}");
        }
    }
}

#[test]
fn metrics_are_plausible() {
    let folder = results();
    let metrics: Metrics = read_json(&folder.join(METRICS_FILE)).unwrap();
    let classes = read_classes(&folder.join(CLASSES_FILE)).unwrap();
    assert!(!metrics.dataset.is_empty());
    for param in ["batch_size", "learning_rate", "epochs", "seed"] {
        assert!(metrics.params.contains_key(param), "no {param}");
    }
    assert!(metrics.splits.contains_key("validation"), "{:?}", metrics.splits.keys());
    metrics.splits.iter().for_each(|(name, figures)| check(name, figures, &classes));
}

#[test]
fn metrics_match_the_selected_run() {
    let folder = results();
    let metrics: Metrics = read_json(&folder.join(METRICS_FILE)).unwrap();
    let selection: Selection = read_json(&folder.join(SELECTION_FILE)).unwrap();
    let (measured, logged) = (metrics.splits["validation"].top1, selection.val_acc);
    // ONNX Runtime may predict one image in a hundred differently from candle.
    assert!((measured - logged).abs() <= 0.01, "{measured} measured, {logged} logged");
}

#[test]
fn accuracy_of_the_committed_model() {
    if !results_are_committed() {
        return;
    }
    let metrics: Metrics = read_json(&results().join(METRICS_FILE)).unwrap();
    assert_eq!(metrics.dataset, "oxford-iiit-pet");
    for (split, least) in [("validation", 0.88), ("test", 0.88), ("test_int8", 0.88)] {
        let figures = metrics.splits.get(split).expect(split);
        assert!(figures.top1 >= least, "{split}: {}", figures.top1);
    }
}

#[test]
fn figures_are_not_blank() {
    for file in [CURVES_FILE, CONFUSION_FILE] {
        let bytes = fs_err::read(results().join(file)).unwrap();
        let decoded = decode(&bytes, &Limits::default()).unwrap();
        assert_eq!(decoded.format, Format::Png, "{file}");
        let image = decoded.image;
        assert!(image.width() >= 400 && image.height() >= 300, "{file}: {:?}", image.dimensions());
        let colours: HashSet<_> = image.pixels().map(|pixel| pixel.0).collect();
        assert!(colours.len() > 10, "{file} has {} colours", colours.len());
    }
}
