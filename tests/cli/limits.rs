//! Limits for the size of images.

use pet_tests::{colours_data_set, colours_results, results_folder};

use crate::promote::with_challenger;
use crate::test_dir::{Output, TRAIN, TestDir};

/// Training on images without cached features.
const TRAINING: &str = "--backbone backbone.safetensors --dataset folder --data-dir colours";

/// All commands that read images.
fn commands() -> Vec<String> {
    let mut commands: Vec<String> = [
        "resize pets/train/Red/0.png 5 5",
        "grayscale pets/train/Red/0.png",
        "normalize pets/train/Red/0.png",
        "crop pets/train/Red/0.png",
        "predict pets/train/Red/0.png",
        "predict pets/train/Red",
        "explain pets/train/Red/0.png",
        "evaluate colours --results of-colours",
        "export --precision int8 --results of-colours --dataset folder --data-dir colours",
        "promote --dataset folder --data-dir pets",
    ]
    .map(str::to_owned)
    .into();
    commands.extend(["train", "sweep"].map(|command| format!("{command} {TRAINING} --epochs 1")));
    commands
}

fn dir() -> Option<TestDir> {
    let dir = with_challenger()?;
    results_folder(&dir.path("results"));
    colours_results(&dir.path("of-colours"), 1.0);
    colours_data_set(&dir.path("colours"), 20);
    Some(dir)
}

fn with_variable(dir: &TestDir, command: &str, name: &str, value: &str) -> Output {
    Output::of(dir.command(command).env(name, value))
}

#[test]
fn every_command_has_limits_and_reports_their_options() {
    let Some(dir) = dir() else { return };
    for command in commands() {
        for (option, variable) in
            [("--max-pixels", "PET_MAX_PIXELS"), ("--max-upload", "PET_MAX_UPLOAD")]
        {
            let hint = format!("raise the limit with `{option}");
            let by_option = dir.run(&format!("{command} {option} 10"));
            for output in [by_option, with_variable(&dir, &command, variable, "10")] {
                let said = format!("{command}, {option}: {output:?}");
                assert_eq!(output.status, Some(1), "{said}");
                assert!(output.stderr.contains(&hint), "{said}");
                assert!(output.stderr.contains("10"), "{said}");
            }
            // An option overrides the variable.
            if command.starts_with("resize") {
                let asked = format!("{command} {option} 1000000");
                with_variable(&dir, &asked, variable, "10").ok();
            }
        }
    }
}

#[test]
fn cached_features_do_not_evade_the_limits() {
    let dir = TestDir::with_training(5);
    let train = format!("{TRAIN} --epochs 1");
    dir.run(&train).ok();
    for option in ["--max-pixels", "--max-upload"] {
        dir.run(&format!("{train} {option} 10"))
            .refused()
            .naming(&["images cannot be used", "more than the limit of", "10"])
            .hinting(option);
    }
    let again = dir.run(&train);
    assert!(again.stderr.contains("(0 computed, "), "{}", again.stderr);
    again.ok();
}

#[test]
fn data_check_reports_which_option_helps() {
    let dir = TestDir::new();
    colours_data_set(&dir.path("colours"), 20);
    for (option, variable) in
        [("--max-pixels", "PET_MAX_PIXELS"), ("--max-upload", "PET_MAX_UPLOAD")]
    {
        let by_option = dir.run(&format!("data check colours {option} 10"));
        let by_variable = with_variable(&dir, "data check colours", variable, "10");
        for output in [by_option, by_variable] {
            let output = output.refused();
            let hint = format!("\nhint: raise the limit with `{option}`");
            assert!(output.stdout.contains(&hint), "{output:?}");
        }
    }
}
