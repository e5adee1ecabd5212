//! Training the whole network.

use pet_model::CARD_FILE;

use pet_tests::backbone_bytes_of;

use crate::test_dir::TestDir;

const TRAIN: &str =
    "train --dataset folder --data-dir pets --backbone backbone.safetensors --epochs 1 --json";

#[test]
fn training_and_serving_sizes_can_differ() {
    let Some(dir) = TestDir::with_runtime() else { return };
    dir.prepare_training(3);
    let options = "--fine-tune all --recipe center-crop:72:64 --train-size 32";
    let trained = dir.run(&format!("{TRAIN} {options}")).json();
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
    let dir = TestDir::new();
    dir.prepare_training(3);
    dir.refused(&format!("{TRAIN} --fine-tune last:2 --train-size 32"))
        .naming(&["--train-size", "--fine-tune all"])
        .hinting("omit `--train-size`");
    for option in ["--rand-augment 2:5", "--erase 0.25"] {
        dir.refused(&format!("{TRAIN} {option}")).naming(&[option.split(' ').next().unwrap()]);
    }
}
