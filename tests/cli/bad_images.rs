//! Files that are no images.

use pet_image::Format;
use pet_tests::{HUGE_PNG, gradient, truncated_jpeg};

use crate::place::Place;

/// Name, and what the error has to say besides it.
const BAD: [(&str, &str); 5] = [
    ("empty.jpg", "0 bytes"),
    ("cut.jpg", "truncated"),
    ("text.jpg", "not a JPEG"),
    ("huge.png", "40000x40000"),
    ("missing.jpg", "No such file"),
];

fn write_all(place: &Place) {
    place.write("empty.jpg", b"");
    place.write("cut.jpg", truncated_jpeg());
    place.write("text.jpg", "This is a text, whatever its name says.");
    place.write("huge.png", HUGE_PNG);
    place.write("good.png", gradient(60, 40, Format::Png));
}

#[test]
fn image_commands_name_the_file_and_the_reason() {
    let place = Place::new();
    write_all(&place);
    for (name, reason) in BAD {
        for command in [
            format!("resize {name} 10 10 --output out"),
            format!("grayscale {name} --output out"),
            format!("normalize {name} --output out"),
            format!("crop {name} --box 0 0 5 5 --output out"),
        ] {
            place.refused(&command).naming(&[name, reason]);
        }
    }
}

#[test]
fn predict_names_the_file_and_the_reason() {
    let Some(place) = Place::with_model("predict_names_the_file_and_the_reason") else {
        return;
    };
    write_all(&place);
    for (name, reason) in BAD {
        let said = place
            .refused(&format!("predict {name}"))
            .naming(&[name, reason]);
        assert!(said.stdout.is_empty(), "{said:?}");
    }
}

#[test]
fn one_bad_file_spoils_no_other() {
    let Some(place) = Place::with_model("one_bad_file_spoils_no_other") else {
        return;
    };
    write_all(&place);
    for (name, reason) in BAD {
        let said = place.run(&format!("predict good.png {name} good.png"));
        assert_eq!(said.status, Some(1), "{said:?}");
        assert_eq!(
            said.stdout
                .lines()
                .filter(|line| line.starts_with("good.png: "))
                .count(),
            2,
            "{said:?}"
        );
        let errors: Vec<&str> = said
            .stderr
            .lines()
            .filter(|line| line.starts_with("error: "))
            .collect();
        let [one, all] = errors[..] else {
            panic!("{said:?}")
        };
        assert!(one.contains(name) && one.contains(reason), "{one}");
        assert_eq!(all, "error: 1 of 3 images could not be used");
    }
}

#[test]
fn one_bad_file_is_an_entry_of_the_json() {
    let Some(place) = Place::with_model("one_bad_file_is_an_entry_of_the_json") else {
        return;
    };
    write_all(&place);
    let said = place.run("predict --json good.png empty.jpg").refused();
    let answers: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert!(
        answers[0]["error"].is_null() && answers[0]["predicted_class"].is_string(),
        "{answers}"
    );
    assert!(answers[1]["predicted_class"].is_null(), "{answers}");
    assert_eq!(answers[1]["file"], "empty.jpg");
    assert!(
        answers[1]["error"].as_str().unwrap().contains("0 bytes"),
        "{answers}"
    );
}

#[test]
fn folders_and_sizes_that_cannot_be_used_are_named() {
    let place = Place::new();
    write_all(&place);
    fs_err::create_dir(place.path("folder.png")).unwrap();
    place
        .refused("resize folder.png 10 10")
        .naming(&["folder.png"]);
    place
        .refused("resize good.png 0 10 --output out")
        .naming(&["0x10"]);
    place
        .refused("resize good.png 4000000 4000000 --output out")
        .naming(&["4000000x4000000"]);
    place
        .refused("resize good.png 10 10 --output good.png/out.png")
        .naming(&["good.png"]);
}
