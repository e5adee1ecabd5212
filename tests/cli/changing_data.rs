//! Folders of images that change while they are read.

use crate::pictures::{png, scene};
use crate::running::{Paused, Running};
use crate::test_dir::{TRAIN, TestDir};

/// Two images that the tests change.
const IMAGES: [&str; 2] = ["pets/train/Black Cat/0001.jpg", "pets/train/Siamese Cat/0002.jpg"];

/// A file that training reads between hashing and decoding the images.
fn file_read_between(dir: &TestDir) -> std::path::PathBuf {
    let mut files = fs_err::read_dir(dir.path(".cache/same-pictures")).unwrap();
    files.next().unwrap().unwrap().path()
}

/// A data set after one training, without the cached features.
fn trained() -> TestDir {
    let dir = TestDir::with_training(3);
    dir.run(&format!("{TRAIN} --epochs 1")).ok();
    fs_err::remove_dir_all(dir.path(".cache/features")).unwrap();
    dir
}

fn run_count(dir: &TestDir) -> usize {
    let runs = dir.run("runs list --json").json();
    runs.as_array().unwrap().len()
}

#[test]
fn images_that_vanish_or_shrink_fail_training_before_a_run_starts() {
    let dir = trained();
    let paused = Paused::at(&file_read_between(&dir), dir.command(&format!("{TRAIN} --epochs 1")));
    let [gone, cut] = IMAGES.map(|picture| dir.path(picture));
    fs_err::remove_file(gone).unwrap();
    let whole = fs_err::read(&cut).unwrap();
    fs_err::write(&cut, &whole[..whole.len() / 3]).unwrap();
    paused
        .resume(b"[]")
        .refused()
        .naming(&["2 of the images", IMAGES[0], "(file not found)", IMAGES[1], "has changed"])
        .hinting("nothing is changing the folder");
    assert_eq!(run_count(&dir), 1, "the first one");
    // Training works with the remaining images.
    fs_err::remove_file(&cut).unwrap();
    dir.run(&format!("{TRAIN} --epochs 1")).ok();
    assert_eq!(run_count(&dir), 2);
}

/// Fine-tuning reads the images in every epoch.
#[test]
fn an_image_that_is_replaced_during_training_fails_the_run() {
    let dir = TestDir::with_training(3);
    let [replaced, other] = IMAGES.map(|image| dir.path(image));
    let client = dir.client();
    let epochs = || {
        let runs = dir.runs();
        let history = |run: &mlflow_client::Run| client.metric_history(&run.id, "val_acc");
        runs.first().map_or(0, |run| history(run).unwrap().len())
    };
    let options = "--fine-tune all --recipe stretch:32 --epochs 1000000";
    let mut training = Running::start(dir.command(&format!("{TRAIN} {options}")));
    training.wait_for(|| (epochs() >= 1).then_some(()));
    let original = fs_err::read(&replaced).unwrap();
    fs_err::copy(other, &replaced).unwrap();
    training
        .output()
        .refused()
        .naming(&[IMAGES[0], "has changed since the data set was read"])
        .hinting("--resume");
    let listed = dir.run("runs list --json").json();
    assert_eq!(listed[0]["status"], "FAILED");
    dir.refused("select").naming(&["no model is registered"]);

    // The checkpoint has seen no other image.
    let id = listed[0]["run_id"].as_str().unwrap();
    dir.run(&format!("train --resume {id}")).refused().naming(&["different images"]);
    fs_err::write(&replaced, original).unwrap();
    let before = epochs();
    let mut training = Running::start(dir.command(&format!("train --resume {id}")));
    training.wait_for(|| (epochs() > before).then_some(()));
    training.kill();
}

#[test]
fn corrections_that_vanish_are_excluded() {
    let dir = trained();
    for number in [1, 2] {
        dir.write(&format!("corrections/Black Cat/{number}.png"), png(&scene(number)));
    }
    let train = format!("{TRAIN} --epochs 1 --data-dir corrections");
    let paused = Paused::at(&file_read_between(&dir), dir.command(&train));
    fs_err::remove_file(dir.path("corrections/Black Cat/1.png")).unwrap();
    let output = paused.resume(b"[]");
    let said = "cannot be read were left out: 1, such as `corrections/Black Cat/1.png`";
    assert!(output.stderr.contains(said), "{}", output.stderr);
    output.ok();
}

#[test]
fn images_that_vanish_or_shrink_fail_an_evaluation() {
    let Some(dir) = TestDir::with_model() else { return };
    let metadata = pet_tests::metadata();
    let pictures = pet_tests::sample_pictures(metadata.classes.len());
    let path = |class: &String| format!("pets/{class}/1.jpg");
    let write = || {
        for (class, picture) in metadata.classes.iter().zip(&pictures) {
            dir.write(&path(class), picture);
        }
    };
    let classes = fs_err::read(dir.path("results/classes.json")).unwrap();
    let file = path(&metadata.classes[2]);
    let pause = || {
        write();
        Paused::at(&dir.path("results/classes.json"), dir.command("evaluate pets"))
    };

    let paused = pause();
    fs_err::remove_file(dir.path(&file)).unwrap();
    paused
        .resume(&classes)
        .refused()
        .naming(&[&format!("`{file}` is gone")])
        .hinting("nothing is changing the folder");

    let paused = pause();
    fs_err::write(dir.path(&file), &pictures[0][..200]).unwrap();
    paused.resume(&classes).refused().naming(&[&format!("cannot use `{file}`"), "truncated"]);

    let paused = pause();
    fs_err::remove_dir_all(dir.path("pets")).unwrap();
    paused.resume(&classes).refused().naming(&["is gone"]);
}
