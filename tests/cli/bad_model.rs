//! No library, or no model that can be used.

use pet_image::Format;
use pet_tests::gradient;

use crate::place::Place;
use crate::said::Said;

fn place(test: &str) -> Option<Place> {
    let place = Place::with_model(test)?;
    place.write("good.png", gradient(60, 40, Format::Png));
    Some(place)
}

/// `predict` with another library.
fn with_library(place: &Place, library: &str) -> Said {
    let before = place.files();
    let said = Said::of(
        place
            .command("predict good.png")
            .env("ORT_DYLIB_PATH", library),
    )
    .refused();
    assert_eq!(place.files(), before);
    said
}

#[test]
fn a_library_that_is_missing_or_none_is_named() {
    let place = Place::new();
    place.write("good.png", gradient(60, 40, Format::Png));
    place.write("lib.so", "This is a text. ".repeat(20));
    place.write("short.so", "short");
    with_library(&place, "/nowhere/lib.so")
        .naming(&["`/nowhere/lib.so`"])
        .hinting("pet-cli setup");
    with_library(&place, "lib.so")
        .naming(&["lib.so", "not an ELF"])
        .hinting("ORT_DYLIB_PATH");
    with_library(&place, "short.so")
        .naming(&["short.so"])
        .hinting("ORT_DYLIB_PATH");
}

#[test]
fn a_missing_model_is_named() {
    let Some(place) = place("a_missing_model_is_named") else {
        return;
    };
    fs_err::remove_dir_all(place.path("results")).unwrap();
    place
        .refused("predict good.png")
        .naming(&["`results`"])
        .hinting("pet-cli export");
    place
        .refused("predict --model my.onnx good.png")
        .naming(&["my.onnx"])
        .hinting("pet-cli export");
    place
        .refused("predict --results nowhere good.png")
        .naming(&["nowhere"])
        .hinting("pet-cli export");
}

#[test]
fn a_truncated_model_is_named() {
    let Some(place) = place("a_truncated_model_is_named") else {
        return;
    };
    let whole = fs_err::read(place.path("results/model.onnx")).unwrap();
    for length in [0, 100, whole.len() / 2, whole.len() - 1000] {
        place.write("results/model.onnx", &whole[..length]);
        place
            .refused("predict good.png")
            .naming(&["results/model.onnx"])
            .hinting("pet-cli export");
    }
}

#[test]
fn other_classes_beside_the_model_are_named_on_both_sides() {
    let Some(place) = place("other_classes_beside_the_model_are_named_on_both_sides") else {
        return;
    };
    place.write("results/classes.json", r#"["Beagle", "Birman"]"#);
    place
        .refused("predict good.png")
        .naming(&["results/classes.json", "5 classes", "2 classes"])
        .hinting("classes.json");
    place.write("results/classes.json", "[\"Beagle\", ");
    place
        .refused("predict good.png")
        .naming(&["results/classes.json"]);
}
