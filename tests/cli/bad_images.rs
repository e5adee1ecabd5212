//! Files that are not images, or have formats that every command recognizes without supporting them.
//!
//! The files of such formats come from `tests/foreign/make_foreign.py`. They are named `.jpg`, because the content decides.

use std::process::Command;

use pet_image::Format;
use pet_tests::{HUGE_PNG, gradient, metadata, root, skipped, truncated_jpeg};
use serde_json::Value;

use crate::test_dir::{TRAIN, TestDir};

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

/// A file, the name of its format, and a part of the hint.
struct Foreign {
    name: String,
    bytes: Vec<u8>,
    kind: String,
    advice: &'static str,
}

fn foreign() -> Vec<Foreign> {
    let folder = root().join("tests/foreign");
    let kinds = fs_err::read(folder.join("kinds.json")).unwrap();
    let kinds: Value = serde_json::from_slice(&kinds).unwrap();
    let kinds = kinds.as_object().unwrap();
    assert_eq!(kinds.len(), 22);
    let one = |(name, about): (&String, &Value)| Foreign {
        name: format!("{name}.jpg"),
        bytes: fs_err::read(folder.join(name)).unwrap(),
        kind: about["kind"].as_str().unwrap().to_owned(),
        advice: if about["is_picture"] == true {
            "save it as JPEG"
        } else {
            "use the photo itself"
        },
    };
    kinds.iter().map(one).collect()
}

#[test]
fn image_commands_recognize_foreign_formats() {
    let Some(dir) = TestDir::with_model() else { return };
    for Foreign { name, bytes, kind, advice } in foreign() {
        dir.write(&name, bytes);
        for command in ["predict", "explain", "grayscale"] {
            dir.refused(&format!("{command} {name}"))
                .naming(&[&name, &format!("the content is {kind}, not a JPEG")])
                .hinting(advice);
        }
    }
}

#[test]
fn predict_recognizes_foreign_formats_in_folders() {
    let Some(dir) = TestDir::with_model() else { return };
    let foreign = foreign();
    for file in &foreign {
        dir.write(&format!("photos/{}", file.name), &file.bytes);
    }
    dir.write("photos/good.png", gradient(60, 40, Format::Png));
    let output = dir.run("predict photos");
    assert_eq!(output.status, Some(1), "{output:?}");
    assert!(output.stdout.starts_with("photos/good.png: "), "{output:?}");
    for Foreign { name, kind, .. } in &foreign {
        let said = output.stderr.lines().any(|line| {
            line.contains(&format!("photos/{name}")) && line.contains(&format!("is {kind}, not"))
        });
        assert!(said, "{name}: {output:?}");
    }
}

/// Files with their usual extensions are found in folders if they are images.
#[test]
fn files_with_foreign_extensions_are_found() {
    let Some(dir) = TestDir::with_model() else { return };
    let names = ["photo.heic", "photo.avif", "photo.jxl", "photo.jp2", "photo.dng", "photo.cr2"];
    for name in names {
        let bytes = fs_err::read(root().join("tests/foreign").join(name)).unwrap();
        dir.write(&format!("photos/{}", name.to_uppercase()), bytes);
    }
    let output = dir.run("predict photos");
    assert_eq!(output.status, Some(1), "{output:?}");
    for name in names {
        let name = format!("photos/{}", name.to_uppercase());
        assert!(output.stderr.contains(&name), "{name}: {output:?}");
    }
}

#[test]
fn data_check_recognizes_foreign_formats() {
    let dir = TestDir::new();
    let foreign = foreign();
    for (number, class) in ["Cat", "Dog"].into_iter().enumerate() {
        let picture = gradient(60 + 40 * number as u32, 50, Format::Png);
        dir.write(&format!("pets/{class}/good.png"), picture);
    }
    for file in &foreign {
        dir.write(&format!("pets/Cat/{}", file.name), &file.bytes);
    }
    let report = dir.run("data check pets --json").refused().stdout;
    let report: Value = serde_json::from_str(&report).unwrap();
    let unreadable = report["unreadable"].as_array().unwrap();
    assert_eq!(unreadable.len(), foreign.len());
    for Foreign { name, kind, advice, .. } in &foreign {
        let one = unreadable.iter().find(|one| {
            let file = one["file"].as_str().unwrap();
            file.ends_with(&format!("/{name}"))
        });
        let said = |field: &str| one.unwrap()[field].as_str().unwrap();
        assert!(said("reason").contains(kind.as_str()), "{name}: {one:?}");
        assert!(said("hint").contains(advice), "{name}: {one:?}");
    }
}

#[test]
fn training_recognizes_foreign_formats() {
    let train = format!("{TRAIN} --epochs 1");
    // The message lists up to ten files.
    for some in foreign().chunks(10) {
        let dir = TestDir::with_training(3);
        let classes = fs_err::read_dir(dir.path("pets/train")).unwrap();
        let class = classes.map(|entry| entry.unwrap().path()).min().unwrap();
        for file in some {
            fs_err::write(class.join(&file.name), &file.bytes).unwrap();
        }
        let output = dir.run(&train).refused();
        for Foreign { name, kind, .. } in some {
            let part = format!("{name}` (the content is {kind}, not a JPEG");
            assert!(output.stderr.contains(&part), "{part}: {output:?}");
        }
        output.hinting("replace or remove");
    }
}

#[test]
fn evaluate_recognizes_foreign_formats() {
    let Some(dir) = TestDir::with_model() else { return };
    let classes = metadata().classes;
    for class in &classes {
        dir.write(&format!("pets/{class}/good.png"), gradient(60, 40, Format::Png));
    }
    for Foreign { name, bytes, kind, advice } in foreign() {
        let file = format!("pets/{}/{name}", classes[0]);
        dir.write(&file, bytes);
        dir.refused("evaluate pets")
            .naming(&[&name, &format!("the content is {kind}, not a JPEG")])
            .hinting(advice);
        fs_err::remove_file(dir.path(&file)).unwrap();
    }
}

/// Files of Debian's encoder with all rotations and reflections.
#[test]
fn files_of_heif_enc_are_recognized() {
    if Command::new("heif-enc").arg("--help").output().is_err() {
        return skipped("no `heif-enc`");
    }
    let Some(dir) = TestDir::with_model() else { return };
    let pictures = root().join("crates/pet-image/tests/golden/files");
    for (name, kind) in [("out.heic", "a HEIC photo"), ("out.avif", "an AVIF image")] {
        for orientation in 1..=8 {
            let picture = pictures.join(format!("turned_{orientation}.jpg"));
            let mut encoder = Command::new("heif-enc");
            encoder.arg(picture).arg("-o").arg(dir.path(name));
            assert!(encoder.output().unwrap().status.success());
            dir.refused(&format!("predict {name}"))
                .naming(&[name, kind])
                .hinting("save it as JPEG");
        }
    }
}
