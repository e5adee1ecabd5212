//! `pet-cli train --find-learning-rate`

use serde_json::Value;

use crate::test_dir::TestDir;

const TRAIN: &str = "train --dataset folder --data-dir pets --backbone backbone.safetensors";

fn found(dir: &TestDir) -> Value {
    let text = fs_err::read(dir.path("learning_rate.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn rate(found: &Value, name: &str) -> f64 {
    let rate = found[name].as_f64();
    rate.unwrap_or_else(|| panic!("no {name}: {found}"))
}

/// Trains with the options, and returns the validation loss.
fn loss(dir: &TestDir, options: &str) -> f64 {
    let runs = dir.run(&format!("{TRAIN} {options} --json")).json();
    runs[0]["val_loss"].as_f64().unwrap_or(f64::INFINITY)
}

#[test]
fn the_suggested_rate_trains_better_than_others() {
    let dir = TestDir::new();
    dir.prepare_training(20);
    let before = dir.files();
    let printed = dir.run(&format!("{TRAIN} --find-learning-rate")).ok();
    let found = found(&dir);
    let best = rate(&found, "learning_rate");
    assert!(found["body_learning_rate"].is_null(), "{found}");
    assert_eq!(found["diverged"], true);
    assert!(printed.contains(&format!("{TRAIN} --learning-rate {best}")), "{printed}");
    assert!(!printed.contains("--find-learning-rate"), "{printed}");
    let picture = fs_err::read(dir.path("learning_rate.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG"));
    assert!(!dir.path("mlflow.db").exists(), "nothing is recorded");
    assert!(dir.files().len() > before.len());

    let losses = [best / 100.0, best, 100.0 * best];
    let losses = losses.map(|rate| loss(&dir, &format!("--learning-rate {rate}")));
    assert!(losses[1] < losses[0] && losses[1] < losses[2], "{losses:?}");

    let again = dir.run(&format!("{TRAIN} --find-learning-rate=again --json")).json();
    assert_eq!(again, found, "the same seed finds the same");
    assert!(dir.path("again/learning_rate.png").exists());
}

#[test]
fn fine_tuning_gets_a_backbone_rate() {
    let dir = TestDir::new();
    dir.prepare_training(5);
    let options = "--fine-tune all --recipe stretch:32 --batch-size 8 --epochs 3";
    let printed = dir.run(&format!("{TRAIN} {options} --find-learning-rate")).ok();
    let found = found(&dir);
    let [head, body] = ["learning_rate", "body_learning_rate"].map(|name| rate(&found, name));
    assert!((head / body - 10.0).abs() < 1.0, "{head} and {body}");
    let next = format!("{options} --learning-rate {head} --body-learning-rate {body}");
    assert!(printed.contains(&next), "{printed}");
    let losses = [0.01, 1.0, 100.0].map(|factor| {
        let (head, body) = (factor * head, factor * body);
        loss(&dir, &format!("{options} --learning-rate {head} --body-learning-rate {body}"))
    });
    assert!(losses[1] < losses[0] && losses[1] < losses[2], "{losses:?}");
}

#[test]
fn invalid_options_are_rejected() {
    let dir = TestDir::new();
    dir.prepare_training(3);
    dir.refused(&format!("{TRAIN} --find-learning-rate --batch-size 8 16"))
        .naming(&["--find-learning-rate", "2 combinations"])
        .hinting("single value");
    for options in ["--learning-rate 0.1", "--resume 0123", "--refit 0123"] {
        let output = dir.run(&format!("train --find-learning-rate {options}"));
        assert_eq!(output.status, Some(2), "{options}: {output:?}");
    }
    dir.write("file", "");
    dir.run(&format!("{TRAIN} --find-learning-rate=file")).refused();
}
