//! Files that are not images.

use pet_image::Format;
use pet_tests::{HUGE_PNG, gradient, truncated_jpeg};

use crate::test_dir::TestDir;

/// File names, and parts of their error messages.
const BAD: [(&str, &str); 5] = [
    ("empty.jpg", "0 bytes"),
    ("cut.jpg", "truncated"),
    ("text.jpg", "not a JPEG"),
    ("huge.png", "40000x40000"),
    ("missing.jpg", "file not found"),
];

fn write_all(dir: &TestDir) {
    dir.write("empty.jpg", b"");
    dir.write("cut.jpg", truncated_jpeg());
    dir.write("text.jpg", "This is a text, whatever its name says.");
    dir.write("huge.png", HUGE_PNG);
    dir.write("good.png", gradient(60, 40, Format::Png));
}

#[test]
fn image_commands_report_the_file_and_the_reason() {
    let dir = TestDir::new();
    write_all(&dir);
    for (name, reason) in BAD {
        for command in [
            format!("resize {name} 10 10 --output out"),
            format!("grayscale {name} --output out"),
            format!("normalize {name} --output out"),
            format!("crop {name} --box 0 0 5 5 --output out"),
        ] {
            dir.refused(&command).naming(&[name, reason]);
        }
    }
}

#[test]
fn predict_reports_the_file_and_the_reason() {
    let Some(dir) = TestDir::with_model() else { return };
    write_all(&dir);
    for (name, reason) in BAD {
        let output = dir.refused(&format!("predict {name}")).naming(&[name, reason]);
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

#[test]
fn other_files_are_predicted_despite_a_bad_one() {
    let Some(dir) = TestDir::with_model() else { return };
    write_all(&dir);
    for (name, reason) in BAD {
        let output = dir.run(&format!("predict good.png {name} good.png"));
        assert_eq!(output.status, Some(1), "{output:?}");
        assert_eq!(
            output.stdout.lines().filter(|line| line.starts_with("good.png: ")).count(),
            2,
            "{output:?}"
        );
        let errors: Vec<&str> =
            output.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        let [one, all] = errors[..] else { panic!("{output:?}") };
        assert!(one.contains(name) && one.contains(reason), "{one}");
        assert_eq!(all, "error: 1 of 3 images could not be used");
    }
}

#[test]
fn the_json_has_an_entry_for_a_bad_file() {
    let Some(dir) = TestDir::with_model() else { return };
    write_all(&dir);
    let output = dir.run("predict --json good.png empty.jpg");
    assert_eq!(output.status, Some(1), "{output:?}");
    assert!(output.stderr.contains("error: cannot use `empty.jpg`"), "{output:?}");
    let answers: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert!(
        answers[0]["error"].is_null() && answers[0]["predicted_class"].is_string(),
        "{answers}"
    );
    assert!(answers[1]["predicted_class"].is_null(), "{answers}");
    assert_eq!(answers[1]["file"], "empty.jpg");
    assert!(answers[1]["error"].as_str().unwrap().contains("0 bytes"), "{answers}");
}

#[test]
fn invalid_paths_and_sizes_are_reported() {
    let dir = TestDir::new();
    write_all(&dir);
    fs_err::create_dir(dir.path("folder.png")).unwrap();
    dir.refused("resize folder.png 10 10").naming(&["folder.png"]);
    dir.refused("resize good.png 0 10 --output out").naming(&["0x10"]);
    dir.refused("resize good.png 4000000 4000000 --output out").naming(&["4000000x4000000"]);
    dir.refused("resize good.png 10 10 --output good.png/out.png").naming(&["good.png"]);
}
