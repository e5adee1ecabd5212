//! Metrics and figures.

use std::collections::HashSet;

use pet_image::{Format, Limits, decode};
use pet_model::{
    CLASSES_FILE, CONFUSION_FILE, CURVES_FILE, METRICS_FILE, Metrics, SELECTION_FILE, Selection,
    SplitMetrics, read_classes, read_json,
};
use pet_tests::{results, results_are_committed};

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
