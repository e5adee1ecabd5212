//! `predict`

use pet_image::Format;
use pet_tests::{gradient, metadata, sample_pictures};
use serde_json::Value;

use crate::test_dir::TestDir;

fn dir(test: &str) -> Option<TestDir> {
    let dir = TestDir::with_model(test)?;
    for (number, picture) in sample_pictures(3).iter().enumerate() {
        dir.write(&format!("photos/{number}.jpg"), picture);
    }
    dir.write("photos/notes.txt", "no image");
    Some(dir)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn one_image_gets_class_confidence_and_the_best() {
    let Some(dir) = dir("one_image_gets_class_confidence_and_the_best") else {
        return;
    };
    let before = dir.files();
    let output = dir.run("predict photos/0.jpg");
    assert_eq!(output.stderr, "");
    let output = output.ok();
    let mut lines = output.lines();
    let class = lines
        .next()
        .unwrap()
        .strip_prefix("Predicted class: ")
        .unwrap();
    assert!(
        metadata().classes.iter().any(|known| known == class),
        "{output}"
    );
    let confidence = lines.next().unwrap().strip_prefix("Confidence: ").unwrap();
    assert!(
        (0.0..=1.0).contains(&confidence.parse::<f64>().unwrap()),
        "{output}"
    );
    let ranked: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    assert_eq!(ranked.len(), 5, "{output}");
    assert!(ranked[0].trim_start().starts_with(class), "{output}");
    assert_eq!(dir.files(), before);
}

#[test]
fn the_originals_arguments_are_understood() {
    let Some(dir) = dir("the_originals_arguments_are_understood") else {
        return;
    };
    let answer = dir.run("predict --image photos/1.jpg --seed 3").ok();
    assert!(answer.starts_with("Predicted class: "), "{answer}");
    assert_eq!(dir.run("predict -i photos/1.jpg -s 4").ok(), answer);
    assert_eq!(dir.run("predict photos/1.jpg").ok(), answer);
}

#[test]
fn json_says_the_same_for_programs() {
    let Some(dir) = dir("json_says_the_same_for_programs") else {
        return;
    };
    let answers = json(&dir.run("predict --json --top-k 3 photos/0.jpg").ok());
    let [answer] = answers.as_array().unwrap().as_slice() else {
        panic!("{answers}")
    };
    assert_eq!(answer["file"], "photos/0.jpg");
    let best = answer["top_k"].as_array().unwrap();
    assert_eq!(best.len(), 3);
    assert_eq!(best[0]["class"], answer["predicted_class"]);
    assert_eq!(best[0]["probability"], answer["confidence"]);
    let shares: Vec<f64> = best
        .iter()
        .map(|one| one["probability"].as_f64().unwrap())
        .collect();
    assert!(
        shares.is_sorted_by(|one, other| one >= other) && shares.iter().sum::<f64>() < 1.000_01
    );
    let text = dir.run("predict photos/0.jpg").ok();
    assert!(
        text.contains(answer["predicted_class"].as_str().unwrap()),
        "{text}"
    );
}

#[test]
fn several_files_and_folders_are_answered_in_order() {
    let Some(dir) = dir("several_files_and_folders_are_answered_in_order") else {
        return;
    };
    dir.write("other.png", gradient(50, 60, Format::Png));
    let output = dir.run("predict other.png photos");
    // No bar without a terminal.
    let left_out = "left out of `photos`: 1 file that is not an image\n";
    assert_eq!(output.stderr, left_out);
    let output = output.ok();
    let named: Vec<&str> = output
        .lines()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(
        named,
        ["other.png", "photos/0.jpg", "photos/1.jpg", "photos/2.jpg"]
    );
    let answers = json(&dir.run("predict --json photos other.png").ok());
    let files: Vec<&str> = answers
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["file"].as_str().unwrap())
        .collect();
    assert_eq!(
        files,
        ["photos/0.jpg", "photos/1.jpg", "photos/2.jpg", "other.png"]
    );
}

#[test]
fn a_folder_without_images_is_named() {
    let Some(dir) = dir("a_folder_without_images_is_named") else {
        return;
    };
    dir.write("none/notes.txt", "no image");
    dir.refused("predict none").naming(&["`none`"]);
}

#[test]
fn a_model_file_can_be_named_whatever_the_environment_says() {
    let Some(dir) = dir("a_model_file_can_be_named_whatever_the_environment_says") else {
        return;
    };
    fs_err::rename(dir.path("results/model.onnx"), dir.path("mine.onnx")).unwrap();
    let mut command = dir.command("predict --model mine.onnx photos/0.jpg");
    let output = crate::output::Output::of(command.env("PET_RESULTS", "elsewhere"));
    assert!(output.ok().starts_with("Predicted class: "));
    let mut command = dir.command("predict photos/0.jpg");
    crate::output::Output::of(command.env("PET_RESULTS", "elsewhere"))
        .refused()
        .naming(&["elsewhere"]);
}

#[cfg(unix)]
#[test]
fn the_library_is_found_in_the_cache() {
    let Some(dir) = dir("the_library_is_found_in_the_cache") else {
        return;
    };
    let mut command = dir.command("predict photos/0.jpg");
    let mut variables = command.get_envs();
    let library = variables.find_map(|(name, value)| value.filter(|_| name == "ORT_DYLIB_PATH"));
    let Some(library) = library.map(ToOwned::to_owned) else {
        return;
    };
    let version = dir.path(".cache/onnxruntime/1.0.0");
    fs_err::create_dir_all(&version).unwrap();
    std::os::unix::fs::symlink(library, version.join("libonnxruntime.so.1.0.0")).unwrap();
    let output = crate::output::Output::of(command.env_remove("ORT_DYLIB_PATH"));
    assert!(output.ok().starts_with("Predicted class: "));
}
