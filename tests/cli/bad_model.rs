//! Missing and invalid libraries and models.

use pet_image::Format;
use pet_tests::gradient;

use crate::output::Output;
use crate::test_dir::TestDir;

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
