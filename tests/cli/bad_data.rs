//! Data sets, weights and caches that cannot be used.

use crate::place::Place;

const TRAIN: &str = "train --epochs 1 --backbone backbone.safetensors";

fn place() -> Place {
    let place = Place::new();
    place.prepare_training(3);
    place
}

#[test]
fn missing_weights_are_named() {
    let place = place();
    place
        .refused("train --dataset folder --data-dir pets")
        .naming(&[".cache/backbone/mobilenet_v2.safetensors"])
        .hinting("pet-cli setup");
    place
        .refused("train --dataset folder --data-dir pets --backbone mine.pt")
        .naming(&["`mine.pt`"]);
}

#[test]
fn weights_that_are_none_are_named() {
    let place = place();
    let whole = fs_err::read(place.path("backbone.safetensors")).unwrap();
    for (name, bytes) in [
        ("empty.pt", &b""[..]),
        ("text.pth", b"no weights at all"),
        ("cut.safetensors", &whole[..5000]),
    ] {
        place.write(name, bytes);
        let train = format!("train --dataset folder --data-dir pets --backbone {name}");
        place.refused(&train).naming(&[name]).hinting("MobileNetV2");
    }
}

#[test]
fn a_missing_data_folder_is_named() {
    let place = place();
    for dataset in ["folder", "oxford-iiit-pet"] {
        let train = format!("{TRAIN} --dataset {dataset} --data-dir nowhere");
        place.refused(&train).naming(&["`nowhere`"]).hinting("path");
    }
}

#[test]
fn a_malformed_annotation_is_named_with_its_line() {
    let place = place();
    place.write("oxford/images/Abyssinian_1.jpg", "");
    place.write("oxford/annotations/test.txt", "");
    place.write(
        "oxford/annotations/trainval.txt",
        "Abyssinian_1 1 1 1\nAbyssinian_2 one 1 1\n",
    );
    place
        .refused(&format!(
            "{TRAIN} --dataset oxford-iiit-pet --data-dir oxford"
        ))
        .naming(&["trainval.txt", "line 2", "Abyssinian_2 one 1 1"]);
}

#[test]
fn an_image_that_is_listed_but_missing_is_named() {
    let place = place();
    fs_err::create_dir_all(place.path("oxford/images")).unwrap();
    place.write("oxford/annotations/test.txt", "");
    place.write(
        "oxford/annotations/trainval.txt",
        "Abyssinian_1 1 1 1\nbeagle_2 2 2 1\n",
    );
    place
        .refused(&format!(
            "{TRAIN} --dataset oxford-iiit-pet --data-dir oxford"
        ))
        .naming(&["Abyssinian_1.jpg", "beagle_2.jpg"]);
}

#[test]
fn a_sample_is_not_drawn_over_a_folder_of_other_origin() {
    let place = place();
    place.write("precious/work.txt", "years");
    place
        .refused(&format!("{TRAIN} --dataset sample --data-dir precious"))
        .naming(&["`precious`"])
        .hinting("folder");
}

#[test]
fn all_unreadable_images_are_named_at_once() {
    let place = place();
    place.run("runs list").ok();
    let classes = fs_err::read_dir(place.path("pets/train")).unwrap();
    for class in classes.take(2) {
        fs_err::write(class.unwrap().path().join("bad.jpg"), "no image").unwrap();
    }
    let said = place
        .run(&format!("{TRAIN} --dataset folder --data-dir pets"))
        .refused();
    assert_eq!(said.stderr.matches("bad.jpg").count(), 2, "{}", said.stderr);
    assert_eq!(
        place.run("runs list --json").ok().trim(),
        "[]",
        "no run was started"
    );
}

#[test]
fn a_corrupt_feature_cache_is_named() {
    let place = place();
    let train = format!("{TRAIN} --dataset folder --data-dir pets");
    place.run(&train).ok();
    let [cache] = &fs_err::read_dir(place.path(".cache/features"))
        .unwrap()
        .collect::<Vec<_>>()[..]
    else {
        panic!("one cache expected")
    };
    let path = cache.as_ref().unwrap().path();
    let whole = fs_err::read(&path).unwrap();
    for length in [0, 10, whole.len() - 1] {
        fs_err::write(&path, &whole[..length]).unwrap();
        place
            .refused(&train)
            .naming(&[".cache/features", "corrupt"])
            .hinting("delete");
    }
    fs_err::remove_file(&path).unwrap();
    place.run(&train).ok();
}

#[test]
fn too_few_images_to_validate_on_are_noticed_before_any_work() {
    let place = Place::new();
    place.prepare_training(2);
    for train in [TRAIN.to_owned(), format!("{TRAIN} --validation-fraction 0")] {
        place
            .refused(&format!("{train} --dataset folder --data-dir pets"))
            .naming(&["`pets`", "validation"])
            .hinting("--validation-fraction");
    }
}

#[test]
fn hyper_parameters_that_cannot_work_are_named() {
    let place = place();
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
        place.refused(&train).naming(&[name]);
    }
}
