//! `pet-cli explain`

use serde_json::Value;

use crate::test_dir::TestDir;

fn dir(test: &str) -> Option<TestDir> {
    let dir = TestDir::with_model(test)?;
    dir.write(
        "pet.jpg",
        pet_tests::gradient(90, 60, pet_image::Format::Jpeg),
    );
    Some(dir)
}

#[test]
fn the_map_is_drawn_and_adds_up() {
    let Some(dir) = dir("the_map_is_drawn_and_adds_up") else {
        return;
    };
    let answer: Value = serde_json::from_str(&dir.run("explain pet.jpg --json").ok()).unwrap();
    assert_eq!(answer["output"], "pet-explained.png");
    let png = fs_err::read(dir.path("pet-explained.png")).unwrap();
    let drawn = pet_image::decode(&png, &pet_image::Limits::default()).unwrap();
    assert_eq!(drawn.image.width(), 640);
    let number = |value: &Value| value.as_f64().unwrap();
    let rows = answer["rows"].as_array().unwrap().iter();
    let sum: f64 = rows
        .flat_map(|row| row.as_array().unwrap())
        .map(number)
        .sum();
    let logit = number(&answer["logit"]);
    assert!(
        (sum + number(&answer["bias"]) - logit).abs() < 1e-3,
        "{answer}"
    );

    let predicted: Value = serde_json::from_str(&dir.run("predict pet.jpg --json").ok()).unwrap();
    assert_eq!(predicted[0]["predicted_class"], answer["class"]);
}

#[test]
fn any_class_can_be_asked_for_and_a_wrong_one_is_refused() {
    let Some(dir) = dir("any_class_can_be_asked_for_and_a_wrong_one_is_refused") else {
        return;
    };
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
fn what_is_no_photograph_is_refused_by_name() {
    let Some(dir) = dir("what_is_no_photograph_is_refused_by_name") else {
        return;
    };
    dir.write("notes.txt", "no picture");
    dir.refused("explain notes.txt").naming(&["notes.txt"]);
    dir.refused("explain missing.jpg").naming(&["missing.jpg"]);
}
