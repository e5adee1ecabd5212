//! Training the whole network, at another size than is served.

use mlflow_client::Client;
use pet_model::CARD_FILE;
use serde_json::Value;

use pet_tests::backbone_bytes_of;

use crate::test_dir::TestDir;

const TRAIN: &str =
    "train --dataset folder --data-dir pets --backbone backbone.safetensors --epochs 1 --json";

#[test]
fn a_network_trained_on_small_squares_is_served_on_large_ones() {
    let Some(dir) =
        TestDir::with_runtime("a_network_trained_on_small_squares_is_served_on_large_ones")
    else {
        return;
    };
    dir.prepare_training(3);
    let options = "--fine-tune all --recipe center-crop:72:64 --train-size 32";
    let trained: Value =
        serde_json::from_str(&dir.run(&format!("{TRAIN} {options}")).ok()).unwrap();
    let client = Client::local(dir.folder()).unwrap();
    let run = client.run(trained[0]["run_id"].as_str().unwrap()).unwrap();
    assert_eq!(run.params["recipe"], "resize 72, center crop 64");
    assert!(run.params["augment"].contains("to 32"), "{:?}", run.params);

    dir.run("select").ok();
    dir.run("export").ok();
    let card = fs_err::read_to_string(dir.path("results").join(CARD_FILE)).unwrap();
    assert!(card.contains("`[batch, 3, 64, 64]`"), "{card}");
    dir.shell("$PROGRAM predict pets/*/*").ok();
}

/// Its file is recognized, and it is normalized as it was pretrained; the odd size is padded unevenly in places.
#[test]
fn an_efficientnet_is_trained_served_and_explained() {
    let Some(dir) = TestDir::with_runtime("an_efficientnet_is_trained_served_and_explained") else {
        return;
    };
    dir.prepare_training(3);
    dir.write("lite.safetensors", backbone_bytes_of("efficientnet_lite1"));
    let train = "train --dataset folder --data-dir pets --backbone lite.safetensors --epochs 1 \
                 --json --recipe stretch:75 --fine-tune";
    let trained: Value = serde_json::from_str(&dir.run(&format!("{train} all")).ok()).unwrap();
    let name = trained[0]["name"].as_str().unwrap();
    assert!(name.starts_with("efficientnet_lite1_all_"), "{name}");

    dir.run("select").ok();
    dir.run("export").ok();
    let card = fs_err::read_to_string(dir.path("results").join(CARD_FILE)).unwrap();
    assert!(
        card.contains("`[batch, 3, 75, 75]`") && card.contains("Apache-2.0"),
        "{card}"
    );
    dir.shell("$PROGRAM predict pets/*/*").ok();
    dir.shell("set -- pets/*/*/*; $PROGRAM explain \"$1\"").ok();
    dir.refused(&format!("{train} last:24"))
        .naming(&["trained blocks is 24, expected 1 to 23"]);
}

#[test]
fn a_size_that_nothing_is_trained_at_is_refused() {
    let dir = TestDir::new();
    dir.prepare_training(3);
    dir.refused(&format!("{TRAIN} --fine-tune last:2 --train-size 32"))
        .naming(&["--train-size", "--fine-tune all"])
        .hinting("leave `--train-size` out");
    for option in ["--rand-augment 2:5", "--erase 0.25"] {
        dir.refused(&format!("{TRAIN} {option}"))
            .naming(&[option.split(' ').next().unwrap()]);
    }
}
