//! Missing and invalid libraries and models. Misspelled names are reported even if these are missing.

use pet_image::Format;
use pet_tests::gradient;

use crate::test_dir::{Output, TestDir};

fn dir() -> Option<TestDir> {
    let dir = TestDir::with_model()?;
    dir.write("good.png", gradient(60, 40, Format::Png));
    Some(dir)
}

/// Runs `predict` with another library.
fn with_library(dir: &TestDir, library: &str) -> Output {
    let before = dir.files();
    let output =
        Output::of(dir.command("predict good.png").env("ORT_DYLIB_PATH", library)).refused();
    assert_eq!(dir.files(), before);
    output
}

#[test]
fn a_missing_or_invalid_library_is_reported() {
    let dir = TestDir::new();
    dir.write("good.png", gradient(60, 40, Format::Png));
    dir.write("lib.so", "This is a text. ".repeat(20));
    dir.write("short.so", "short");
    with_library(&dir, "/nowhere/lib.so").naming(&["`/nowhere/lib.so`"]).hinting("pet-cli setup");
    with_library(&dir, "lib.so").naming(&["lib.so", "not an ELF"]).hinting("ORT_DYLIB_PATH");
    with_library(&dir, "short.so").naming(&["short.so"]).hinting("ORT_DYLIB_PATH");
}

#[test]
fn a_missing_model_is_reported() {
    let Some(dir) = dir() else { return };
    fs_err::remove_dir_all(dir.path("results")).unwrap();
    dir.refused("predict --results results good.png")
        .naming(&["`results`"])
        .hinting("pet-cli export");
    dir.refused("predict --model my.onnx good.png").naming(&["my.onnx"]).hinting("pet-cli export");
    dir.refused("predict --results nowhere good.png")
        .naming(&["nowhere"])
        .hinting("pet-cli export");
}

#[test]
fn a_truncated_model_is_reported() {
    let Some(dir) = dir() else { return };
    let whole = fs_err::read(dir.path("results/model.onnx")).unwrap();
    for length in [0, 100, whole.len() / 2, whole.len() - 1000] {
        dir.write("results/model.onnx", &whole[..length]);
        dir.refused("predict good.png").naming(&["results/model.onnx"]).hinting("pet-cli export");
    }
}

#[test]
fn different_classes_beside_the_model_are_reported() {
    let Some(dir) = dir() else { return };
    dir.write("results/classes.json", r#"["Beagle", "Birman"]"#);
    dir.refused("predict good.png")
        .naming(&["results/classes.json", "5 classes", "2 classes"])
        .hinting("classes.json");
    dir.write("results/classes.json", "[\"Beagle\", ");
    dir.refused("predict good.png").naming(&["results/classes.json"]);
}

#[test]
fn misspelled_names_are_reported_before_missing_installations() {
    let dir = TestDir::new();
    dir.write("good.png", gradient(60, 40, Format::Png));
    for class in ["Cat", "Dog"] {
        dir.write(&format!("pets/{class}/1.png"), gradient(60, 40, Format::Png));
    }
    for (command, says) in [
        ("predict nowhere.png", "file not found: `nowhere.png`"),
        ("predict -i nowhere.png --json", "1 of 1 images"),
        ("predict nowhere.png neither.png", "2 of 2 images"),
        ("predict good.png --model nowhere.onnx", "`nowhere.onnx`"),
        ("explain nowhere.png", "file not found: `nowhere.png`"),
        ("explain good.png --model nowhere.onnx", "`nowhere.onnx`"),
        ("evaluate nowhere", "`nowhere`"),
        ("evaluate --dataset folder --data-dir nowhere", "`nowhere`"),
        ("evaluate pets --outliers nowhere", "folder not found: `nowhere`"),
        ("data check nowhere", "`nowhere`"),
        ("data check nowhere --backbone mine.pt", "`nowhere`"),
        ("train --data-dir nowhere", "`nowhere`"),
        ("train --dataset folder --data-dir nowhere", "`nowhere`"),
        ("train --dataset folder --data-dir pets --data-dir nowhere", "`nowhere`"),
        ("train --dataset folder --data-dir nowhere --backbone mine.pt", "`nowhere`"),
        ("train --dataset folder --data-dir good.png --backbone mine.pt", "`good.png`"),
        ("train --dataset folder --data-dir nowhere --find-learning-rate", "`nowhere`"),
        ("sweep --dataset folder --data-dir nowhere --backbone mine.pt", "`nowhere`"),
        ("export --dataset folder --data-dir nowhere", "`nowhere`"),
    ] {
        let before = dir.files();
        let output = Output::of(dir.command(command).env("ORT_DYLIB_PATH", "/no/library.so"));
        assert_eq!(output.status, Some(1), "{command}: {output:?}");
        let last = output.stderr.rfind("error: ").unwrap();
        let error = &output.stderr[last..];
        assert!(error.contains(says), "{command}: no `{says}` in {error}");
        for other in ["library", "backbone"] {
            assert!(!output.stderr.contains(other), "{command}: {}", output.stderr);
        }
        assert_eq!(dir.files(), before, "{command}");
    }
}

#[test]
fn missing_installations_are_reported() {
    let dir = TestDir::new();
    dir.write("good.png", gradient(60, 40, Format::Png));
    dir.prepare_training(3);
    let no_library = |command: &str| {
        Output::of(dir.command(command).env("ORT_DYLIB_PATH", "/no/library.so")).refused()
    };
    for command in ["predict good.png", "explain good.png", "evaluate pets"] {
        no_library(command).naming(&["/no/library.so"]).hinting("pet-cli setup");
    }
    no_library("train --dataset folder --data-dir pets")
        .naming(&["no backbone weights"])
        .hinting("pet-cli setup");
    // No images are drawn or downloaded for a training that fails.
    dir.refused("train --dataset sample").naming(&["no backbone weights"]);
}
