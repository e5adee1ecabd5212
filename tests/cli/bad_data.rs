//! Invalid data sets, weights and caches.

use serde_json::Value;

use crate::test_dir::TestDir;

const TRAIN: &str = "train --epochs 1 --backbone backbone.safetensors";

#[test]
fn missing_weights_are_reported() {
    let dir = TestDir::with_training(3);
    dir.refused("train --dataset folder --data-dir pets")
        .naming(&[".cache/backbone/mobilenet_v2.safetensors"])
        .hinting("pet-cli setup");
    dir.refused("train --dataset folder --data-dir pets --backbone mine.pt").naming(&["`mine.pt`"]);
    dir.refused("train --dataset folder --data-dir pets --backbone resnet")
        .naming(&["`resnet`"])
        .hinting("`efficientnet_lite0`");
    dir.refused("train --dataset folder --data-dir pets --backbone efficientnet_lite1")
        .naming(&[".cache/backbone/efficientnet_lite1.safetensors"])
        .hinting("pet-cli setup --backbone efficientnet_lite1");
}

#[test]
fn invalid_weights_are_reported() {
    let dir = TestDir::with_training(3);
    let whole = fs_err::read(dir.path("backbone.safetensors")).unwrap();
    for (name, bytes) in [
        ("empty.pt", &b""[..]),
        ("text.pth", b"no weights at all"),
        ("cut.safetensors", &whole[..5000]),
    ] {
        dir.write(name, bytes);
        let train = format!("train --dataset folder --data-dir pets --backbone {name}");
        dir.refused(&train).naming(&[name]).hinting("MobileNetV2");
    }
}

#[test]
fn a_missing_data_folder_is_reported() {
    let dir = TestDir::with_training(3);
    for dataset in ["folder", "oxford-iiit-pet"] {
        let train = format!("{TRAIN} --dataset {dataset} --data-dir nowhere");
        dir.refused(&train).naming(&["`nowhere`"]).hinting("path");
    }
}

#[test]
fn class_folders_without_the_option_are_recognized() {
    let dir = TestDir::with_training(3);
    dir.refused(&format!("{TRAIN} --data-dir pets"))
        .naming(&["`pets`"])
        .hinting("--dataset folder");
}

#[test]
fn a_malformed_annotation_is_reported_with_its_line() {
    let dir = TestDir::with_training(3);
    dir.write("oxford/images/Abyssinian_1.jpg", "");
    dir.write("oxford/annotations/test.txt", "");
    dir.write("oxford/annotations/trainval.txt", "Abyssinian_1 1 1 1\nAbyssinian_2 one 1 1\n");
    dir.refused(&format!("{TRAIN} --dataset oxford-iiit-pet --data-dir oxford")).naming(&[
        "trainval.txt",
        "line 2",
        "Abyssinian_2 one 1 1",
    ]);
}

#[test]
fn a_missing_image_is_reported() {
    let dir = TestDir::with_training(3);
    fs_err::create_dir_all(dir.path("oxford/images")).unwrap();
    dir.write("oxford/annotations/test.txt", "");
    dir.write("oxford/annotations/trainval.txt", "Abyssinian_1 1 1 1\nbeagle_2 2 2 1\n");
    dir.refused(&format!("{TRAIN} --dataset oxford-iiit-pet --data-dir oxford"))
        .naming(&["Abyssinian_1.jpg", "beagle_2.jpg"]);
}

#[test]
fn sample_images_do_not_replace_other_files() {
    let dir = TestDir::with_training(3);
    dir.write("precious/work.txt", "years");
    dir.refused(&format!("{TRAIN} --dataset sample --data-dir precious"))
        .naming(&["`precious`"])
        .hinting("folder");
}

#[test]
fn all_unreadable_images_are_reported_together() {
    let dir = TestDir::with_training(3);
    dir.run("runs list").ok();
    let classes = fs_err::read_dir(dir.path("pets/train")).unwrap();
    for class in classes.take(2) {
        fs_err::write(class.unwrap().path().join("bad.jpg"), "no image").unwrap();
    }
    let output = dir.run(&format!("{TRAIN} --dataset folder --data-dir pets")).refused();
    assert_eq!(output.stderr.matches("bad.jpg").count(), 2, "{}", output.stderr);
    assert_eq!(dir.run("runs list --json").ok().trim(), "[]", "no run was started");
}

#[test]
fn a_corrupt_feature_cache_is_reported() {
    let dir = TestDir::with_training(3);
    let train = format!("{TRAIN} --dataset folder --data-dir pets");
    dir.run(&train).ok();
    let [cache] = &fs_err::read_dir(dir.path(".cache/features")).unwrap().collect::<Vec<_>>()[..]
    else {
        panic!("one cache expected")
    };
    let path = cache.as_ref().unwrap().path();
    let whole = fs_err::read(&path).unwrap();
    for length in [0, 10, whole.len() - 1] {
        fs_err::write(&path, &whole[..length]).unwrap();
        dir.refused(&train).naming(&[".cache/features", "corrupt"]).hinting("delete");
    }
    fs_err::remove_file(&path).unwrap();
    dir.run(&train).ok();
}

#[test]
fn too_few_validation_images_are_rejected_before_training() {
    let dir = TestDir::with_training(2);
    for train in [TRAIN.to_owned(), format!("{TRAIN} --validation-fraction 0")] {
        dir.refused(&format!("{train} --dataset folder --data-dir pets"))
            .naming(&["`pets`", "validation"])
            .hinting("--validation-fraction");
    }
}

#[test]
fn an_invalid_model_name_is_rejected_before_training() {
    let dir = TestDir::with_training(3);
    for command in ["train", "sweep"] {
        let train = TRAIN.replacen("train", command, 1);
        dir.refused(&format!("{train} --dataset folder --data-dir pets --model-name a/b"))
            .naming(&["model name", "`a/b`"]);
    }
}

#[test]
fn other_runs_continue_after_one_diverges() {
    let dir = TestDir::with_training(3);
    let rates = "--learning-rate 0.001 1e38 0.01";
    let train = format!("{TRAIN} --dataset folder --data-dir pets {rates} --json");
    let output = dir.run(&train).refused().naming(&["1 of 3 runs failed"]).hinting("learning rate");
    let outcomes: Value = serde_json::from_str(&output.stdout).unwrap();
    let statuses: Vec<_> = outcomes.as_array().unwrap().iter().map(|run| &run["status"]).collect();
    assert_eq!(statuses, ["FINISHED", "FAILED", "FINISHED"]);
    let listed = dir.run("runs list --json").json();
    let diverged =
        listed.as_array().unwrap().iter().find(|run| run["run_id"] == outcomes[1]["run_id"]);
    assert_eq!(diverged.unwrap()["status"], "FAILED");
    let text = dir.run(&train.replace(" --json", "")).refused().stdout;
    assert!(text.contains("FAILED") && text.contains("pet-cli select"), "{text}");
}

#[test]
fn invalid_hyperparameters_are_reported() {
    let dir = TestDir::with_training(3);
    for (option, name) in [
        ("--epochs 0", "epochs"),
        ("--batch-size 0", "batch size"),
        ("--learning-rate 0.1 nan", "learning rate"),
        ("--dropout 1", "dropout"),
        ("--validation-fraction 1", "validation fraction"),
    ] {
        let train = format!(
            "train --backbone backbone.safetensors --dataset folder --data-dir pets {option}"
        );
        dir.refused(&train).naming(&[name]);
    }
}
