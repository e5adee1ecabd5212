//! `pet-cli data check`

use pet_image::{CropBox, Filter, RgbImage, crop, resize};

use crate::pictures::{png, scene};
use crate::test_dir::TestDir;

/// A valid data set of two classes, each with 20 training images and 2 test images.
fn valid() -> TestDir {
    let dir = TestDir::new();
    for (class, first) in [("Cat", 100), ("Dog", 200)] {
        for number in 0..22 {
            let split = if number < 20 { "train" } else { "test" };
            let file = format!("pets/{split}/{class}/{number:02}.png");
            dir.write(&file, png(&scene(first + number)));
        }
    }
    dir
}

#[test]
fn a_valid_data_set_passes() {
    let dir = valid();
    let output = dir.run("data check pets --fail-on warning");
    assert!(output.stderr.contains("labels are not checked"), "{}", output.stderr);
    let text = output.ok();
    assert!(text.starts_with("pets: 44 images of 2 classes\n"), "{text}");
    assert!(text.contains("no problems found"), "{text}");
}

#[test]
fn images_above_the_limits_are_reported() {
    let dir = valid();
    let text = dir.run("data check pets --fail-on never --max-pixels 43199");
    let text = text.ok();
    assert!(text.contains("240x180 pixels, more than"), "{text}");
    let hints: Vec<_> = text.lines().filter(|line| line.starts_with("hint: ")).collect();
    let [hint] = hints[..] else { panic!("{text}") };
    assert!(hint.contains("`--max-pixels`"), "{hint}");
    dir.run("data check pets --max-pixels 43200").ok();
    let text = dir.run("data check pets --fail-on never --max-upload 100");
    let text = text.ok();
    assert!(text.contains("the image has `101` bytes, more than"), "{text}");
    assert!(text.contains("\nhint: raise the limit with `--max-upload`"), "{text}");
}

#[test]
fn every_problem_is_listed_and_plotted() {
    let dir = valid();
    let cat = scene(100);
    let part = CropBox { left: 10, top: 20, right: 220, bottom: 175 };
    dir.write("pets/train/Dog/copy of a cat.png", png(&cat));
    dir.write("pets/test/Dog/cut.png", png(&crop(&scene(200), part).unwrap()));
    let small = resize(&scene(101), 120, 110, Filter::Bilinear).unwrap();
    dir.write("pets/train/Cat/small.png", png(&small));
    dir.write("pets/train/Cat/empty.jpg", "");
    let long_name = format!("pets/train/Cat/{}.png", "long ".repeat(30));
    dir.write(&long_name, png(&RgbImage::from_pixel(300, 200, [7, 90, 7].into())));

    let output = dir.run("data check pets --sheet found/sheet.png").refused();
    let output = output.naming(&["1 unreadable", "2 copies across classes"]);
    let output = output.hinting("--fail-on");
    for part in [
        "error          2  copies across classes",
        "error          2  near-copies across splits",
        "warning        2  near-copies within a class",
        "warning        1  one colour",
        "copy of a cat.png",
        "empty.jpg",
    ] {
        assert!(output.stdout.contains(part), "no {part}:\n{}", output.stdout);
    }
    let sheet = fs_err::read(dir.path("found/sheet.png")).unwrap();
    assert!(sheet.starts_with(b"\x89PNG"));

    let report = dir.run("data check pets --json --fail-on never").json();
    assert_eq!(report["images"], 49);
    assert_eq!(report["unreadable"][0]["file"], "train/Cat/empty.jpg");
    assert_eq!(report["flaws"][0]["kind"], "one_colour");
    let groups = report["duplicates"].as_array().unwrap();
    let across: Vec<_> = groups.iter().map(|group| &group["across_splits"]).collect();
    assert_eq!(across, [true, false, false]);
    assert_eq!(groups[1]["images"][1]["class"], "Dog");
    assert!(report["labels"].is_null());
}

#[test]
fn empty_class_folders_are_reported_with_everything_else() {
    let dir = valid();
    fs_err::remove_dir_all(dir.path("pets/test/Cat")).unwrap();
    let empty = ["train/Fox", "val/Cat", "test/Cat"];
    for folder in empty {
        fs_err::create_dir_all(dir.path("pets").join(folder)).unwrap();
    }
    dir.write("pets/train/Cat/cut.jpg", &png(&scene(1))[..1000]);
    let output = dir.run("data check pets").refused();
    let output = output.naming(&["1 unreadable", "3 empty class folders"]);
    let lines: Vec<&str> = output.stdout.lines().collect();
    for line in empty.into_iter().chain(["     0  Fox"]) {
        assert!(lines.contains(&line), "{line}: {}", output.stdout);
    }
    let report = dir.run("data check pets --fail-on never --json").json();
    assert_eq!(report["empty"], serde_json::json!(empty));
    for folder in empty {
        dir.refused("train --dataset folder --data-dir pets")
            .naming(&[&format!("`pets/{folder}` contains no images")])
            .hinting("remove it");
        fs_err::remove_dir(dir.path("pets").join(folder)).unwrap();
    }
    dir.refused("train --dataset folder --data-dir pets").naming(&["no backbone weights"]);
}

#[test]
fn classes_without_training_images_are_reported_with_everything_else() {
    let dir = valid();
    let untrained = ["val/Fox", "test/Owl"];
    for folder in untrained {
        dir.write(&format!("pets/{folder}/1.png"), png(&scene(1)));
    }
    dir.write("pets/train/Cat/cut.jpg", &png(&scene(1))[..1000]);
    let output = dir.run("data check pets").refused();
    let output = output.naming(&["1 unreadable", "2 class folders without training images"]);
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert!(untrained.iter().all(|folder| lines.contains(folder)), "{}", output.stdout);
    let report = dir.run("data check pets --fail-on never --json").json();
    assert_eq!(report["untrained"], serde_json::json!(untrained));
    dir.refused("train --dataset folder --data-dir pets")
        .naming(&["class `Fox` in `pets/val/Fox` has no training images"])
        .hinting("into `train`");
}

#[test]
fn labels_are_checked_with_weights() {
    let dir = TestDir::with_training(6);
    // A class without images does not stop the check.
    fs_err::create_dir(dir.path("pets/train/Fox")).unwrap();
    let check = "data check pets --backbone backbone.safetensors --fail-on never --json";
    let report = dir.run(check).json();
    let accuracy = report["labels"]["accuracy"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&accuracy), "{accuracy}");
    assert!(report["labels"]["suspects"].is_array());
    assert!(dir.path(".cache/features").is_dir(), "features are kept");
    dir.refused("data check pets --backbone nowhere.pt").naming(&["`nowhere.pt`"]);
}

#[test]
fn labels_of_few_images_are_checked_with_fewer_folds() {
    let dir = TestDir::with_training(6);
    // Three images, of which two are duplicates, make two folds.
    dir.write("few/Cat/1.png", png(&scene(100)));
    dir.write("few/Cat/2.png", png(&scene(100)));
    dir.write("few/Dog/1.png", png(&scene(200)));
    let check = "--backbone backbone.safetensors --fail-on never --json";
    let report = dir.run(&format!("data check few {check}"));
    let report = report.json();
    assert!(report["labels"]["accuracy"].is_number(), "{report}");
    // Duplicates are in the same fold, which leaves one.
    for class in ["Cat", "Dog"] {
        dir.write(&format!("one/{class}/1.png"), png(&scene(100)));
    }
    let output = dir.run(&format!("data check one {check}"));
    let reason = "labels are not checked: all images are the same";
    assert!(output.stderr.contains(reason), "{}", output.stderr);
    let report = output.json();
    assert!(report["labels"].is_null(), "{report}");
}

#[test]
fn invalid_data_sets_are_rejected() {
    let dir = TestDir::new();
    dir.refused("data check nowhere").naming(&["`nowhere`"]);
    dir.write("pets/Cat/1.png", png(&scene(100)));
    dir.refused("data check pets").naming(&["`pets`", "1 class"]);
}

#[test]
fn training_warns_of_duplicates_across_the_split_and_can_group_them() {
    let dir = TestDir::with_training(1);
    for (class, first) in [("Cat", 100), ("Dog", 200)] {
        for number in 0..5 {
            let picture = png(&scene(first + number));
            dir.write(&format!("scenes/{class}/{number}.png"), &picture);
            dir.write(&format!("scenes/{class}/{number} again.png"), &picture);
        }
    }
    let train = "train --dataset folder --data-dir scenes --backbone backbone.safetensors \
                 --epochs 1 --validation-fraction 0.4";
    let output = dir.run(train);
    let warning = "validation images show the same as training images";
    assert!(output.stderr.contains(warning), "{}", output.stderr);
    assert!(output.stderr.contains("--group-duplicates"), "{}", output.stderr);
    output.ok();
    let output = dir.run(&format!("{train} --group-duplicates"));
    assert!(!output.stderr.contains(warning), "{}", output.stderr);
    output.ok();
    let runs = dir.run("runs list --json").json();
    assert_eq!(runs[0]["params"]["group_duplicates"], "true");
}
