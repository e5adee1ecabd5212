//! `pet-cli train`: the whole network, and the search for a learning rate.

use pet_model::CARD_FILE;
use pet_tests::backbone_bytes_of;
use serde_json::Value;

use crate::test_dir::{TRAIN, TestDir};

#[test]
fn training_and_serving_sizes_can_differ() {
    let Some(dir) = TestDir::with_runtime() else { return };
    dir.prepare_training(3);
    let options = "--fine-tune all --recipe center-crop:72:64 --train-size 32";
    let trained = dir.run(&format!("{TRAIN} --epochs 1 --json {options}")).json();
    let client = dir.client();
    let run = client.run(trained[0]["run_id"].as_str().unwrap()).unwrap();
    assert_eq!(run.params["recipe"], "resize 72, center crop 64");
    assert!(run.params["augment"].contains("to 32"), "{:?}", run.params);

    dir.run("select").ok();
    dir.run("export").ok();
    let card = fs_err::read_to_string(dir.path("results").join(CARD_FILE)).unwrap();
    assert!(card.contains("`[batch, 3, 64, 64]`"), "{card}");
    dir.shell("$PROGRAM predict pets/*/*").ok();
}

/// The architecture is recognized, with its own normalization. The odd size needs asymmetric padding.
#[test]
fn an_efficientnet_is_trained_served_and_explained() {
    let Some(dir) = TestDir::with_runtime() else { return };
    dir.prepare_training(3);
    dir.write("lite.safetensors", backbone_bytes_of("efficientnet_lite1"));
    let train = "train --dataset folder --data-dir pets --backbone lite.safetensors --epochs 1 \
                 --json --recipe stretch:75 --fine-tune";
    let trained = dir.run(&format!("{train} all")).json();
    let name = trained[0]["name"].as_str().unwrap();
    assert!(name.starts_with("efficientnet_lite1_all_"), "{name}");

    dir.run("select").ok();
    dir.run("export").ok();
    let card = fs_err::read_to_string(dir.path("results").join(CARD_FILE)).unwrap();
    assert!(card.contains("`[batch, 3, 75, 75]`") && card.contains("Apache-2.0"), "{card}");
    dir.shell("$PROGRAM predict pets/*/*").ok();
    dir.shell("set -- pets/*/*/*; $PROGRAM explain \"$1\"").ok();
    dir.refused(&format!("{train} last:24")).naming(&["trained blocks is 24, expected 1 to 23"]);
}

#[test]
fn invalid_training_sizes_are_rejected() {
    let dir = TestDir::with_training(3);
    dir.refused(&format!("{TRAIN} --epochs 1 --json --fine-tune last:2 --train-size 32"))
        .naming(&["--train-size", "--fine-tune all"])
        .hinting("omit `--train-size`");
    for option in ["--rand-augment 2:5", "--erase 0.25"] {
        dir.refused(&format!("{TRAIN} --epochs 1 --json {option}"))
            .naming(&[option.split(' ').next().unwrap()]);
    }
}

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
    let dir = TestDir::with_training(20);
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
    let dir = TestDir::with_training(5);
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
    let dir = TestDir::with_training(3);
    dir.refused(&format!("{TRAIN} --find-learning-rate --batch-size 8 16"))
        .naming(&["--find-learning-rate", "2 combinations"])
        .hinting("single value");
    for options in ["--learning-rate 0.1", "--resume 0123", "--refit 0123"] {
        dir.run(&format!("train --find-learning-rate {options}")).misused();
    }
    dir.write("file", "");
    dir.run(&format!("{TRAIN} --find-learning-rate=file")).refused();
}
