//! Help, invalid usage, completions, closed pipes, and tables in a terminal of 80 columns.

use std::process::Stdio;

use crate::pictures::{colours, png, scene};
use crate::test_dir::{Output, TestDir};

const COMMANDS: [&str; 23] = [
    "",
    "setup",
    "train",
    "sweep",
    "select",
    "export",
    "evaluate",
    "predict",
    "resize",
    "grayscale",
    "normalize",
    "crop",
    "runs",
    "runs list",
    "runs show",
    "runs compare",
    "runs artifacts",
    "runs sync",
    "models",
    "models list",
    "models show",
    "models alias",
    "completions",
];

const DATA: &str = "photographs_of_pets_in_several_colours";

#[test]
fn every_command_has_a_help_text() {
    let dir = TestDir::new();
    for command in COMMANDS {
        let help = dir.run(&format!("{command} --help")).ok();
        let usage = format!("Usage: pet-cli {command}");
        assert!(help.contains(usage.trim_end()), "{command}: {help}");
        assert!(help.lines().next().is_some_and(|line| line.len() > 10), "{command}: {help}");
        let undocumented = help.lines().filter(|line| line.trim_start().starts_with("--"));
        for line in undocumented.filter(|line| line.trim_start().split("  ").count() == 1) {
            // clap puts a long option's explanation on the next line.
            let next = help.lines().skip_while(|other| *other != line).nth(1).unwrap_or_default();
            assert!(!next.trim().is_empty(), "{command}: `{line}` is not explained");
        }
    }
    assert!(dir.run("--version").ok().starts_with("pet-cli "));
    assert!(dir.files().is_empty());
}

#[test]
fn the_help_lists_every_command_and_the_exit_statuses() {
    let help = TestDir::new().run("--help").ok();
    for command in COMMANDS.iter().filter(|command| !command.contains(' ')) {
        assert!(help.contains(&format!("  {command}")), "no {command}");
    }
    assert!(help.contains("Exit status: 0 success, 1 failure, 2 incorrect usage"), "{help}");
}

#[test]
fn invalid_usage_has_status_2() {
    let dir = TestDir::new();
    for arguments in [
        "",
        "bark",
        "--bark",
        "predict",
        "predict --top-k 0 a.jpg",
        "predict --top-k many a.jpg",
        "resize a.png 10",
        "resize a.png ten 10",
        "resize a.png -5 10",
        "crop a.png --box 1 2 3",
        "train --dataset cats",
        "train --dataset folder",
        "train --epochs x",
        "train --recipe letterbox",
        "train --recipe center-crop:200:224",
        "train --train-size 8",
        "export --version best",
        "runs",
        "runs show",
        "completions basic",
    ] {
        let output = dir.run(arguments).misused();
        assert!(
            output.stdout.is_empty() && output.stderr.contains("--help"),
            "`{arguments}`: {output:?}"
        );
    }
    assert!(dir.files().is_empty());
}

#[test]
fn a_count_of_zero_is_explained() {
    for command in ["predict a.jpg -k", "serve --workers", "serve --queue"] {
        let output = TestDir::new().run(&format!("{command} 0"));
        let text = "expected an integer of at least 1";
        assert!(output.stderr.contains(text), "{command}: {output:?}");
    }
}

#[test]
fn completions_for_every_shell_are_printed() {
    let dir = TestDir::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = dir.run(&format!("completions {shell}")).ok();
        for word in ["pet-cli", "predict", "learning-rate"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
    }
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let dir = TestDir::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = dir.command("completions bash");
    let output = Output::of(command.stdout(writer).stderr(Stdio::piped()));
    assert_eq!((output.status, output.stderr.as_str()), (Some(0), ""));

    let first = dir.shell("\"$PROGRAM\" completions bash | head -n 1");
    assert!(first.stderr.is_empty(), "{first:?}");
    assert!(first.ok().contains("pet"));
}

/// A model with versions that cannot be compared, trained on data sets with long names.
fn dir() -> Option<TestDir> {
    let dir = TestDir::with_runtime()?;
    dir.write("backbone.safetensors", pet_tests::backbone_bytes());
    let others = "others_that_were_photographed_later";
    colours(&dir, others, 9);
    colours(&dir, DATA, 10);
    for (data, option) in
        [(others, ""), (DATA, "--seed 7"), (DATA, "--recipe stretch:64"), (DATA, "")]
    {
        dir.run(&format!(
            "train --backbone backbone.safetensors --dataset folder --data-dir {data} --model-name pets --epochs 1 {option}"
        ))
        .ok();
    }
    dir.run("models alias pets the_best_version_until_now 3").ok();
    Some(dir)
}

/// The table with this heading.
fn table<'a>(text: &'a str, heading: &str) -> Vec<&'a str> {
    let from_heading = |line: &&str| !line.trim_start().starts_with(heading);
    let lines = text.lines().skip_while(from_heading);
    lines.take_while(|line| !line.is_empty()).collect()
}

fn widest(table: &[&str]) -> usize {
    let widths = table.iter().map(|line| line.chars().count());
    widths.max().unwrap()
}

#[test]
fn tables_are_wrapped_to_the_width_of_the_terminal() {
    let Some(dir) = dir() else { return };
    dir.write(&format!("{DATA}/train/Red/cut.png"), &png(&scene(1))[..1000]);
    let long = format!("{DATA}/train/Red/{}.png", "7".repeat(70));
    dir.write(&long, png(&scene(2)));
    dir.write(&format!("{DATA}/test/Blue/copy.png"), png(&scene(2)));
    let check = format!("data check {DATA} --fail-on never");
    for (command, heading) in [
        ("select", "rank"),
        ("select", "version  excluded"),
        ("runs list", "run"),
        ("models show pets", "version"),
        (&check, "reason"),
        (&check, "alike"),
    ] {
        let whole = dir.run(command).ok();
        let whole = table(&whole, heading);
        let narrow = Output::of(dir.command(command).env("COLUMNS", "80")).ok();
        let narrow = table(&narrow, heading);
        assert!(widest(&whole) > 80, "{command}: {whole:#?}");
        assert!(widest(&narrow) <= 80, "{command}: {narrow:#?}");
        assert!(narrow.len() > whole.len(), "{command}: {narrow:#?}");
        // Nothing is left out.
        let letters = |table: &[&str]| {
            let mut letters: Vec<char> = table.concat().chars().collect();
            letters.retain(|letter| !letter.is_whitespace());
            letters.sort_unstable();
            letters
        };
        assert_eq!(letters(&narrow), letters(&whole), "{command}: {narrow:#?}");
    }
}

#[test]
fn the_table_of_a_promotion_fits_a_terminal() {
    let Some(dir) = dir() else { return };
    dir.run("models alias pets champion 3").ok();
    let promote =
        format!("promote --version 4 --dataset folder --data-dir {DATA} --split test --dry-run");
    let output = Output::of(dir.command(&promote).env("COLUMNS", "80"));
    let table = table(&output.stdout, "check");
    assert!(table.len() > 5, "{output:?}");
    assert!(widest(&table) <= 80, "{table:#?}");
}
