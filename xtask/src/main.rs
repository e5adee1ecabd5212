//! Development tasks of this workspace: `cargo xtask TASK`.
//!
//! Every task runs other programs (`cargo`, `pet-cli`, `python3`, `docker`) in the workspace's root and depends on
//! nothing but their command lines.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod bench;
mod ci;
mod docker;
mod error;
mod fuzz;
mod invocation;
mod pet_cli;
mod pipeline;
mod release;
mod report;
mod space;
mod test;
mod walkthrough;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Error;

/// Set up, train, test and check this workspace.
#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", max_term_width = 100, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask pipeline                            from a generated sample to a tested model
  cargo xtask pipeline --dataset oxford-iiit-pet  the same with the real photos, into results/
  cargo xtask test                                every test
  cargo xtask ci                                  all checks before a change lands

Exit status: 0 success, 1 failure, 2 incorrect usage, 130 interrupted.";

#[derive(Debug, Subcommand)]
enum Task {
    /// Build pet-cli and download what it needs
    ///
    /// Builds pet-cli in release mode and runs `pet-cli setup`, which downloads ONNX Runtime and the backbone's weights to
    /// `.cache/`. `pipeline` and `test` do the same automatically.
    #[command(after_help = "Examples:\n  cargo xtask setup")]
    Setup,
    Pipeline(pipeline::Arguments),
    Test(test::Arguments),
    Ci(ci::Arguments),
    Bench(bench::Arguments),
    Docker(docker::Arguments),
    /// Regenerate docs/command-line.md
    ///
    /// The page is generated from the program itself; a test fails if it is out of date.
    #[command(after_help = "Examples:\n  cargo xtask docs")]
    Docs,
    Fuzz(fuzz::Arguments),
    Space(space::Arguments),
    Walkthrough(walkthrough::Arguments),
    Release(release::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments.task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint!("{}", error.report());
            ExitCode::from(error.exit_status())
        }
    }
}

fn run(task: &Task) -> Result<(), Error> {
    invocation::handle_interrupts()?;
    match task {
        Task::Setup => pet_cli::set_up(workspace::Profile::Release),
        Task::Pipeline(arguments) => pipeline::run(arguments),
        Task::Test(arguments) => test::run(arguments),
        Task::Ci(arguments) => ci::run(arguments),
        Task::Bench(arguments) => bench::run(arguments),
        Task::Docker(arguments) => docker::run(arguments),
        Task::Docs => pet_cli::docs(),
        Task::Fuzz(arguments) => fuzz::run(arguments),
        Task::Space(arguments) => space::run(arguments),
        Task::Walkthrough(arguments) => walkthrough::run(arguments),
        Task::Release(arguments) => release::run(arguments),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// The exit status of clap for a command line; `None` if it is valid.
    fn usage_error(line: &str) -> Option<i32> {
        let words = std::iter::once("xtask").chain(line.split_whitespace());
        Arguments::try_parse_from(words).err().map(|error| error.exit_code())
    }

    #[test]
    fn clap_accepts_the_definitions() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn valid_command_lines() {
        for line in [
            "setup",
            "pipeline",
            "pipeline --dataset oxford-iiit-pet --data-dir x",
            "pipeline --dataset folder --data-dir x --results y",
            "pipeline --from export --skip docker,test --dry-run",
            "pipeline --only evaluate",
            "test",
            "test -p pet-image resize -- --nocapture",
            "ci",
            "ci format lints",
            "docs",
            "fuzz --seconds 60 image onnx",
            "docker --results target/pipeline/sample/results --smoke-test",
            "space --output ../space",
            "walkthrough docs/tracking.md",
            "release --tag v0.1.0 --check",
            "release --target aarch64-apple-darwin --output ../dist",
            "bench serve --rounds 5",
        ] {
            assert_eq!(usage_error(line), None, "{line}");
        }
    }

    #[test]
    fn invalid_command_lines_exit_with_2() {
        for line in [
            "",
            "fly",
            "ci sleep",
            "fuzz cats",
            "pipeline --dataset cats",
            "pipeline --dataset folder",
            "pipeline --from train --only test",
            "pipeline --only train --skip docker",
            "pipeline --from nowhere",
            "pipeline --skip docker,nothing",
            "release --check",
            "bench",
            "bench fly",
        ] {
            assert_eq!(usage_error(line), Some(2), "{line}");
        }
    }

    #[test]
    fn tasks_in_documents_exist() {
        let mut count = 0;
        for page in walkthrough::documents().unwrap() {
            let text = fs_err::read_to_string(workspace::root().join(&page)).unwrap();
            for line in text.lines() {
                let Some(line) = line.strip_prefix("cargo xtask ") else {
                    continue;
                };
                let (task, _) = line.split_once('#').unwrap_or((line, ""));
                // Brackets mark optional arguments.
                let task = task.replace(['[', ']'], "");
                assert_eq!(usage_error(&task), None, "{page}: {line}");
                count += 1;
            }
        }
        assert!(count > 5, "{count} tasks in the documents");
    }

    #[test]
    fn tasks_in_workflows_exist() {
        let mut count = 0;
        for workflow in workspace::files(".github/workflows", "yml").unwrap() {
            let text = fs_err::read_to_string(&workflow).unwrap();
            for line in text.lines() {
                let line = line.trim().trim_start_matches("- ");
                let line = line.strip_prefix("run: ").unwrap_or(line);
                if let Some(task) = line.strip_prefix("cargo xtask ") {
                    assert_eq!(usage_error(task), None, "{}: {line}", workflow.display());
                    count += 1;
                }
            }
        }
        assert!(count > 5, "{count} tasks in the workflows");
    }

    #[test]
    fn every_help_text_has_examples() {
        for task in Arguments::command().get_subcommands_mut() {
            let help = task.render_long_help().to_string();
            assert!(help.contains("Examples:"), "{help}");
        }
    }
}
