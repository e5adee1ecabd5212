//! `pet-cli predict` and `pet-cli explain`

use pet_image::Format;
use pet_tests::{gradient, metadata, sample_pictures};
use serde_json::Value;

use crate::test_dir::{Output, TestDir};

fn dir() -> Option<TestDir> {
    let dir = TestDir::with_model()?;
    for (number, picture) in sample_pictures(3).iter().enumerate() {
        dir.write(&format!("photos/{number}.jpg"), picture);
    }
    dir.write("photos/notes.txt", "no image");
    Some(dir)
}

#[test]
fn the_prediction_and_the_best_classes_are_printed() {
    let Some(dir) = dir() else { return };
    let before = dir.files();
    let output = dir.run("predict photos/0.jpg");
    assert_eq!(output.stderr, "");
    let output = output.ok();
    let mut lines = output.lines();
    let class = lines.next().unwrap().strip_prefix("Predicted class: ").unwrap();
    assert!(metadata().classes.iter().any(|known| known == class), "{output}");
    let confidence = lines.next().unwrap().strip_prefix("Confidence: ").unwrap();
    assert!((0.0..=1.0).contains(&confidence.parse::<f64>().unwrap()), "{output}");
    let ranked: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    assert_eq!(ranked.len(), 5, "{output}");
    assert!(ranked[0].trim_start().starts_with(class), "{output}");
    assert_eq!(dir.files(), before);
}

#[test]
fn arguments_of_the_python_version_are_accepted() {
    let Some(dir) = dir() else { return };
    let answer = dir.run("predict --image photos/1.jpg --seed 3").ok();
    assert!(answer.starts_with("Predicted class: "), "{answer}");
    assert_eq!(dir.run("predict -i photos/1.jpg -s 4").ok(), answer);
    assert_eq!(dir.run("predict photos/1.jpg").ok(), answer);
}

#[test]
fn json_has_the_same_prediction() {
    let Some(dir) = dir() else { return };
    let answers = dir.run("predict --json --top-k 3 photos/0.jpg").json();
    let [answer] = answers.as_array().unwrap().as_slice() else { panic!("{answers}") };
    assert_eq!(answer["file"], "photos/0.jpg");
    let best = answer["top_k"].as_array().unwrap();
    assert_eq!(best.len(), 3);
    assert_eq!(best[0]["class"], answer["predicted_class"]);
    assert_eq!(best[0]["probability"], answer["confidence"]);
    let shares: Vec<f64> = best.iter().map(|one| one["probability"].as_f64().unwrap()).collect();
    assert!(
        shares.is_sorted_by(|one, other| one >= other) && shares.iter().sum::<f64>() < 1.000_01
    );
    let text = dir.run("predict photos/0.jpg").ok();
    assert!(text.contains(answer["predicted_class"].as_str().unwrap()), "{text}");
}

#[test]
fn predictions_are_in_the_order_of_the_arguments() {
    let Some(dir) = dir() else { return };
    dir.write("other.png", gradient(50, 60, Format::Png));
    let output = dir.run("predict other.png photos");
    // There is no progress bar without a terminal.
    let left_out = "skipped in `photos`: 1 file that is not an image\n";
    assert_eq!(output.stderr, left_out);
    let output = output.ok();
    let named: Vec<&str> = output.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(named, ["other.png", "photos/0.jpg", "photos/1.jpg", "photos/2.jpg"]);
    let answers = dir.run("predict --json photos other.png").json();
    let files: Vec<&str> =
        answers.as_array().unwrap().iter().map(|one| one["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["photos/0.jpg", "photos/1.jpg", "photos/2.jpg", "other.png"]);
}

#[test]
fn a_folder_without_images_is_reported() {
    let Some(dir) = dir() else { return };
    dir.write("none/notes.txt", "no image");
    dir.refused("predict none").naming(&["`none`"]);
}

/// As with `cat`, the other files are answered.
#[test]
fn missing_files_are_reported_among_others() {
    let Some(dir) = dir() else { return };
    fs_err::create_dir(dir.path("none")).unwrap();
    let files = "photos/1.jpg nowhere.jpg photos/0.jpg none";
    let error = "error: file not found: `nowhere.jpg`\n\
                 error: there are no images in `none`\n\
                 error: 2 of 4 images could not be used\n";
    let text = dir.run(&format!("predict {files}"));
    let lines: Vec<&str> = text.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{text:?}");
    assert!(lines[0].starts_with("photos/1.jpg: "), "{text:?}");
    assert!(lines[1].starts_with("photos/0.jpg: "), "{text:?}");
    assert_eq!((text.status, text.stderr.as_str()), (Some(1), error));

    let json = dir.run(&format!("predict --json {files}"));
    assert_eq!((json.status, json.stderr.as_str()), (Some(1), error));
    let answers: Value = serde_json::from_str(&json.stdout).unwrap();
    let known = |index: usize| answers[index]["predicted_class"].is_string();
    assert_eq!([0, 1, 2, 3].map(known), [true, false, true, false]);
    assert_eq!(answers[1]["error"], "file not found: `nowhere.jpg`");
}

#[test]
fn the_model_option_overrides_the_environment() {
    let Some(dir) = dir() else { return };
    fs_err::rename(dir.path("results/model.onnx"), dir.path("mine.onnx")).unwrap();
    let mut command = dir.command("predict --model mine.onnx photos/0.jpg");
    let output = Output::of(command.env("PET_RESULTS", "elsewhere"));
    assert!(output.ok().starts_with("Predicted class: "));
    let mut command = dir.command("predict photos/0.jpg");
    Output::of(command.env("PET_RESULTS", "elsewhere")).refused().naming(&["elsewhere"]);
}

#[cfg(unix)]
#[test]
fn the_library_is_found_in_the_cache() {
    let Some(dir) = dir() else { return };
    let mut command = dir.command("predict photos/0.jpg");
    let mut variables = command.get_envs();
    let library = variables.find_map(|(name, value)| value.filter(|_| name == "ORT_DYLIB_PATH"));
    let Some(library) = library.map(ToOwned::to_owned) else { return };
    let version = dir.path(".cache/onnxruntime/1.0.0");
    fs_err::create_dir_all(&version).unwrap();
    std::os::unix::fs::symlink(library, version.join("libonnxruntime.so.1.0.0")).unwrap();
    let output = Output::of(command.env_remove("ORT_DYLIB_PATH"));
    assert!(output.ok().starts_with("Predicted class: "));
}

fn with_pet() -> Option<TestDir> {
    let dir = TestDir::with_model()?;
    dir.write("pet.jpg", gradient(90, 60, Format::Jpeg));
    Some(dir)
}

#[test]
fn the_map_is_drawn_and_adds_up() {
    let Some(dir) = with_pet() else { return };
    let answer = dir.run("explain pet.jpg --json").json();
    assert_eq!(answer["output"], "pet-explained.png");
    let png = fs_err::read(dir.path("pet-explained.png")).unwrap();
    let drawn = pet_image::decode(&png, &pet_image::Limits::default()).unwrap();
    assert_eq!(drawn.image.width(), 640);
    let number = |value: &Value| value.as_f64().unwrap();
    let rows = answer["rows"].as_array().unwrap().iter();
    let sum: f64 = rows.flat_map(|row| row.as_array().unwrap()).map(number).sum();
    let logit = number(&answer["logit"]);
    assert!((sum + number(&answer["bias"]) - logit).abs() < 1e-3, "{answer}");

    let predicted = dir.run("predict pet.jpg --json").json();
    assert_eq!(predicted[0]["predicted_class"], answer["class"]);
}

#[test]
fn any_class_of_the_model_can_be_explained() {
    let Some(dir) = with_pet() else { return };
    let class = &metadata().classes[1];
    let asked = class.to_uppercase();
    let script = format!("exec \"$PROGRAM\" explain pet.jpg -o heat.png --class '{asked}'");
    let text = dir.shell(&script).ok();
    assert!(text.starts_with(class.as_str()), "{text}");
    assert!(text.ends_with("heat.png\n"), "{text}");
    assert!(dir.path("heat.png").is_file());
    dir.refused("explain pet.jpg --class Birmann")
        .naming(&["no class `Birmann`"])
        .hinting("did you mean");
}

#[test]
fn invalid_images_are_rejected() {
    let Some(dir) = with_pet() else { return };
    dir.write("notes.txt", "no picture");
    dir.refused("explain notes.txt").naming(&["notes.txt"]);
    dir.refused("explain missing.jpg").naming(&["missing.jpg"]);
}
