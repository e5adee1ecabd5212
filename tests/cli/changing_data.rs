//! Folders of pictures that change while they are read.

use serde_json::Value;

use crate::data_check::{png, scene};
use crate::meeting::Meeting;
use crate::test_dir::TestDir;

const TRAIN: &str =
    "train --epochs 1 --backbone backbone.safetensors --dataset folder --data-dir pets";
/// Two pictures that something happens to.
const PICTURES: [&str; 2] = [
    "pets/train/Black Cat/0001.jpg",
    "pets/train/Siamese Cat/0002.jpg",
];

/// The file that training reads after it has listed and digested the pictures, and before it decodes them.
fn between(dir: &TestDir) -> std::path::PathBuf {
    let mut files = fs_err::read_dir(dir.path(".cache/same-pictures")).unwrap();
    files.next().unwrap().unwrap().path()
}

/// A data set that was trained on once, with the features of its pictures thrown away.
fn trained() -> TestDir {
    let dir = TestDir::new();
    dir.prepare_training(3);
    dir.run(TRAIN).ok();
    fs_err::remove_dir_all(dir.path(".cache/features")).unwrap();
    dir
}

fn run_count(dir: &TestDir) -> usize {
    let runs: Value = serde_json::from_str(&dir.run("runs list --json").ok()).unwrap();
    runs.as_array().unwrap().len()
}

#[test]
fn pictures_that_go_or_shrink_before_a_training_are_named_and_no_run_begins() {
    let dir = trained();
    let meeting = Meeting::at(&between(&dir), dir.command(TRAIN));
    let [gone, cut] = PICTURES.map(|picture| dir.path(picture));
    fs_err::remove_file(gone).unwrap();
    let whole = fs_err::read(&cut).unwrap();
    fs_err::write(&cut, &whole[..whole.len() / 3]).unwrap();
    meeting
        .go_on(b"[]")
        .refused()
        .naming(&[
            "2 of the images",
            PICTURES[0],
            "No such file",
            PICTURES[1],
            "truncated",
        ])
        .hinting("nothing changes the folder");
    assert_eq!(run_count(&dir), 1, "the first one");
    // What is there now is a data set like any other.
    fs_err::remove_file(&cut).unwrap();
    dir.run(TRAIN).ok();
    assert_eq!(run_count(&dir), 2);
}

#[test]
fn corrections_that_go_while_they_are_looked_at_are_left_out() {
    let dir = trained();
    for number in [1, 2] {
        dir.write(
            &format!("corrections/Black Cat/{number}.png"),
            png(&scene(number)),
        );
    }
    let train = format!("{TRAIN} --data-dir corrections");
    let meeting = Meeting::at(&between(&dir), dir.command(&train));
    fs_err::remove_file(dir.path("corrections/Black Cat/1.png")).unwrap();
    let output = meeting.go_on(b"[]");
    let said = "cannot be read are left out: 1, such as `corrections/Black Cat/1.png`";
    assert!(output.stderr.contains(said), "{}", output.stderr);
    output.ok();
}

#[test]
fn pictures_that_go_or_shrink_before_they_are_evaluated_are_named() {
    let test = "pictures_that_go_or_shrink_before_they_are_evaluated_are_named";
    let Some(dir) = TestDir::with_model(test) else {
        return;
    };
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
    let meet = || {
        write();
        Meeting::at(
            &dir.path("results/classes.json"),
            dir.command("evaluate pets"),
        )
    };

    let meeting = meet();
    fs_err::remove_file(dir.path(&file)).unwrap();
    meeting
        .go_on(&classes)
        .refused()
        .naming(&[&format!("`{file}` is gone")])
        .hinting("nothing changes the folder");

    let meeting = meet();
    fs_err::write(dir.path(&file), &pictures[0][..200]).unwrap();
    meeting
        .go_on(&classes)
        .refused()
        .naming(&[&format!("cannot use `{file}`"), "truncated"]);

    let meeting = meet();
    fs_err::remove_dir_all(dir.path("pets")).unwrap();
    meeting.go_on(&classes).refused().naming(&["is gone"]);
}
