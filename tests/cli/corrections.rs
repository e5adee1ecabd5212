//! Training on corrections that the service has saved.

use mlflow_client::Run;
use pet_image::{Format, Limits, RgbImage, decode, encode_rgb};
use pet_tests::Service;
use serde_json::Value;

use crate::pictures::{COLOURS, GOOD, png, scene, shade, with_colours};
use crate::test_dir::{TRAIN, TestDir};

const TOKEN: &str = "Authorization: Bearer secret\r\n";

/// Checks for status 200, and parses the body.
fn body(answer: &str) -> Value {
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

/// The latest run.
fn last(dir: &TestDir) -> Run {
    dir.runs().swap_remove(0)
}

#[test]
fn a_model_trained_on_corrections_becomes_champion() {
    let Some(dir) = with_colours() else { return };
    let train = format!("{TRAIN} {GOOD}");
    // The latency on a busy machine must not fail the test.
    let promote = "promote --dataset folder --data-dir pets --max-latency 60000";
    dir.run(&train).ok();
    dir.run("select").ok();
    dir.run(promote).ok();
    dir.run("export").ok();
    let first = last(&dir);

    let serve = "serve --port 0 --log-format json --feedback corrections --admin-token secret";
    let service = Service::start(&mut dir.command(serve));
    let png = "Content-Type: image/png\r\n";
    for number in 0..20 {
        let (class, levels) = COLOURS[number % 4];
        let picture = shade(levels, number as u8 / 4 * 5 + 3);
        let predicted = body(&service.post("/predict", png, &picture));
        let kept = body(&service.post(&format!("/feedback?class={class}"), png, &picture));
        assert_eq!(kept["predicted_class"], predicted["predicted_class"]);
    }
    let counted = body(&service.get_with("/feedback", TOKEN));
    assert_eq!(counted["count"], 20, "{counted}");

    let both = "--data-dir pets --data-dir corrections";
    let check = format!("data check --dataset folder {both} --fail-on never --json");
    assert_eq!(dir.run(&check).json()["images"], 48 + 20);
    let trained = dir.run(&format!("{train} --data-dir corrections"));
    let said = "`corrections` adds 20 images\n";
    assert!(trained.stderr.contains(said), "{}", trained.stderr);
    trained.ok();
    let second = last(&dir);
    assert_eq!(second.params["added_images"], "20");
    assert!(!first.params.contains_key("added_images"));
    for same in ["train_images", "val_images", "seed"] {
        assert_eq!(second.params[same], first.params[same], "{same}");
    }
    assert_eq!(second.tags["dataset_digest"], first.tags["dataset_digest"]);
    let ranked = dir.run("select --json").json();
    assert_eq!(ranked["candidates"].as_array().unwrap().len(), 2, "they compete");

    let promoted = dir.run(&format!("{promote} --version 2 --json")).json();
    assert_eq!(promoted["verdict"], "passed", "{promoted}");
    assert_eq!(promoted["champion"]["version"], 1);
    dir.run("export").ok();
    let model = || body(&service.get("/model"));
    assert_eq!(model()["version"], "1");
    body(&service.post("/model/reload", TOKEN, &[]));
    assert_eq!(model()["version"], "2");
    let picture = shade(COLOURS[2].1, 4);
    let answer = body(&service.post("/predict?top_k=1", png, &picture));
    assert_eq!(answer["predicted_class"], "Red", "{answer}");
    assert_eq!(answer["model_version"], "2", "{answer}");
}

/// A folder with a data set and corrections of one class.
fn with_corrections() -> TestDir {
    let dir = TestDir::with_training(4);
    for number in 0..3 {
        let picture = png(&scene(number));
        dir.write(&format!("corrections/Black Cat/{number}.jpg"), picture);
        dir.write(&format!("corrections/Black Cat/{number}.json"), "{}");
    }
    dir
}

#[test]
fn unusable_corrections_are_excluded_and_reported() {
    let dir = with_corrections();
    let train = format!("{TRAIN} --data-dir corrections --epochs 1");
    let output = dir.run(&train);
    assert!(!output.stderr.contains("were left out"), "{}", output.stderr);
    output.ok();
    let clean = last(&dir);
    assert_eq!(clean.params["added_images"], "3");

    // A copy of a test image, and a file that is not an image.
    let measured = fs_err::read(dir.path("pets/test/Siamese Cat/0001.jpg")).unwrap();
    let measured = decode(&measured, &Limits::default()).unwrap();
    dir.write("corrections/Siamese Cat/copy.png", png(&measured.image));
    dir.write("corrections/Siamese Cat/text.jpg", "<script>");
    dir.write("corrections/Siamese Cat/empty.jpg", "");
    dir.write("corrections/Siamese Cat/huge.png", pet_tests::HUGE_PNG);
    dir.write("corrections/Siamese Cat/cut.jpg", pet_tests::truncated_jpeg());
    dir.write("corrections/Siamese Cat/run.sh", "exit 1");
    fs_err::create_dir_all(dir.path("corrections/Golden Dog")).unwrap();
    #[cfg(unix)]
    {
        let pipe = dir.path("corrections/Siamese Cat/pipe.jpg");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        for (to, link) in [("/dev/zero", "zero.jpg"), ("..", "loop"), ("/etc", "etc.jpg")] {
            let link = dir.path(&format!("corrections/Siamese Cat/{link}"));
            std::os::unix::fs::symlink(to, link).unwrap();
        }
    }
    for part in ["", " --group-duplicates"] {
        let output = dir.run(&format!("{train}{part}"));
        for said in [
            "1 file that is not an image",
            #[cfg(unix)]
            "2 broken links or special files",
            #[cfg(unix)]
            "2 links to folders",
            "show a validation or test image were left out: 1",
            "copy.png`",
            "cannot be read were left out: 4",
        ] {
            assert!(output.stderr.contains(said), "{said}: {}", output.stderr);
        }
        output.ok();
        assert_eq!(last(&dir).params["added_images"], "3");
        assert_eq!(last(&dir).tags["added_digest"], clean.tags["added_digest"]);
    }
    let check = "data check --dataset folder --data-dir pets --data-dir corrections --json";
    let report: Value = serde_json::from_str(&dir.run(check).refused().stdout).unwrap();
    assert_eq!(report["unreadable"].as_array().unwrap().len(), 4);
    let found = report["duplicates"].to_string();
    assert!(found.contains("copy.png"), "{found}");
}

#[test]
fn invalid_additions_are_rejected() {
    let dir = with_corrections();
    dir.write("others/Fox/1.jpg", "");
    dir.write("others/Owl/1.jpg", "");
    let train = format!("{TRAIN} --data-dir");
    dir.refused(&format!("{train} others"))
        .naming(&["`others`", "`pets`", "`Fox`, `Owl`"])
        .hinting("named like");
    dir.refused(&format!("{train} nowhere")).naming(&["`nowhere`"]);
    dir.refused(&format!("{train} pets")).naming(&["`pets` and `pets` are the same folder"]);
    dir.refused(&format!("{train} corrections --data-dir ./corrections"))
        .naming(&["are the same folder"]);
    dir.refused(&format!("{train} corrections --folds 2"))
        .naming(&["cannot cross-validate with added images"])
        .hinting("alone");
    let twice = "--dataset folder --data-dir pets --data-dir corrections";
    for usage in [
        format!("evaluate {twice}"),
        format!("promote {twice}"),
        format!("export {twice}"),
        "train --resume 0123 --data-dir corrections".into(),
        "train --refit 0123 --data-dir corrections".into(),
    ] {
        dir.run(&usage).misused();
    }
}

#[test]
fn refit_and_resume_use_the_additions_of_the_run() {
    let dir = with_corrections();
    let train = format!("{TRAIN} --data-dir corrections --epochs 2");
    dir.run(&train).ok();
    let run = last(&dir);
    let refit = format!("train --refit {}", run.id);
    dir.run(&refit).ok();
    let refitted = last(&dir);
    assert_eq!(refitted.params["added_images"], "3");
    assert_eq!(refitted.tags["added_digest"], run.tags["added_digest"]);

    fs_err::rename(dir.path("corrections/Black Cat/2.jpg"), dir.path("2.jpg")).unwrap();
    let refused = dir.run(&refit).refused();
    refused
        .naming(&["cannot refit", "different added images", &run.tags["added_digest"]])
        .hinting("start a new run");
    // Make it look like an interrupted run.
    let interrupted = dir.path(&format!(".cache/training/{}", run.id));
    fs_err::create_dir_all(&interrupted).unwrap();
    let folder = run.artifact_uri.trim_start_matches("file://");
    let settings = std::path::Path::new(folder).join("settings.json");
    fs_err::copy(settings, interrupted.join("run.json")).unwrap();
    let resume = format!("train --resume {}", run.id);
    dir.run(&resume)
        .refused()
        .naming(&["cannot resume", "different added images"])
        .hinting("restore");
    fs_err::rename(dir.path("2.jpg"), dir.path("corrections/Black Cat/2.jpg")).unwrap();
    dir.run(&resume).ok();
}

#[test]
fn the_oxford_data_set_accepts_additions() {
    let dir = TestDir::with_training(1);
    let picture = |seed: u32| {
        let level = |x: u32, y: u32| ((x * (3 + seed) + y * (5 + 7 * seed)) % 251) as u8;
        let image = RgbImage::from_fn(64, 48, |x, y| [level(x, y), level(y, x), 90].into());
        encode_rgb(&image, Format::Jpeg).unwrap()
    };
    let mut lists = [String::new(), String::new()];
    for (class, breed) in ["Abyssinian", "great_pyrenees"].iter().enumerate() {
        for number in 0..6 {
            let name = format!("{breed}_{number}");
            dir.write(&format!("oxford/images/{name}.jpg"), picture(class as u32 * 6 + number));
            let line = format!("{name} {} 1 1\n", class + 1);
            lists[usize::from(number == 5)].push_str(&line);
        }
    }
    dir.write("oxford/annotations/trainval.txt", &lists[0]);
    dir.write("oxford/annotations/test.txt", &lists[1]);
    dir.write("corrections/Great Pyrenees/1.jpg", picture(20));
    let train =
        "train --backbone backbone.safetensors --epochs 1 --data-dir oxford --data-dir corrections";
    dir.run(train).ok();
    let run = last(&dir);
    assert_eq!(run.params["added_images"], "1");
    assert_eq!(run.params["train_images"], "8");
}
