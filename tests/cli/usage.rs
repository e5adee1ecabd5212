//! Help, invalid usage, completions, closed pipes.

use std::process::Stdio;

use crate::output::Output;
use crate::test_dir::TestDir;

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
        let output = dir.run(arguments);
        assert_eq!(output.status, Some(2), "`{arguments}`: {output:?}");
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
