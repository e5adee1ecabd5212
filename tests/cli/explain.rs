//! `pet-cli explain`

use serde_json::Value;

use crate::test_dir::TestDir;

fn dir() -> Option<TestDir> {
    let dir = TestDir::with_model()?;
    dir.write("pet.jpg", pet_tests::gradient(90, 60, pet_image::Format::Jpeg));
    Some(dir)
}

#[test]
fn the_map_is_drawn_and_adds_up() {
    let Some(dir) = dir() else { return };
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
    let Some(dir) = dir() else { return };
    let class = &pet_tests::metadata().classes[1];
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
    let Some(dir) = dir() else { return };
    dir.write("notes.txt", "no picture");
    dir.refused("explain notes.txt").naming(&["notes.txt"]);
    dir.refused("explain missing.jpg").naming(&["missing.jpg"]);
}
