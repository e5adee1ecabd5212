//! Development tasks of this workspace: `cargo xtask TASK`.
//!
//! Every task runs other programs (`cargo`, `pet-cli`, `python3`, `docker`) in the workspace's
//! root, and knows them by their command lines only.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod bench;
mod ci;
mod docker;
mod error;
mod fuzz;
mod interrupt;
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
  cargo xtask pipeline --dataset oxford-iiit-pet  the same with the real photographs, into results/
  cargo xtask test                                every test
  cargo xtask ci                                  everything that is checked before a change lands

Exit status: 0 done, 1 the work failed, 2 wrong usage, 130 interrupted.";

#[derive(Debug, Subcommand)]
enum Task {
    Setup(pet_cli::Setup),
    Pipeline(pipeline::Arguments),
    Test(test::Arguments),
    Ci(ci::Arguments),
    Bench(bench::Arguments),
    Docker(docker::Arguments),
    Docs(pet_cli::Docs),
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
            eprint!("{}", error.described());
            ExitCode::from(error.exit_status())
        }
    }
}

fn run(task: &Task) -> Result<(), Error> {
    interrupt::listen()?;
    match task {
        Task::Setup(arguments) => pet_cli::setup(arguments),
        Task::Pipeline(arguments) => pipeline::run(arguments),
        Task::Test(arguments) => test::run(arguments),
        Task::Ci(arguments) => ci::run(arguments),
        Task::Bench(arguments) => bench::run(arguments),
        Task::Docker(arguments) => docker::run(arguments),
        Task::Docs(arguments) => pet_cli::docs(arguments),
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

    /// The exit status that clap gives for a command line, none if it is accepted.
    fn refused(line: &str) -> Option<i32> {
        let words = std::iter::once("xtask").chain(line.split_whitespace());
        Arguments::try_parse_from(words)
            .err()
            .map(|error| error.exit_code())
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn good_command_lines() {
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
            "bench predict photo.jpg --runs 5",
        ] {
            assert_eq!(refused(line), None, "{line}");
        }
    }

    #[test]
    fn wrong_usage_gives_2() {
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
            "bench predict",
            "bench predict photo.jpg --runs 0",
        ] {
            assert_eq!(refused(line), Some(2), "{line}");
        }
    }

    #[test]
    fn the_documents_name_tasks_that_exist() {
        let mut found = 0;
        for page in walkthrough::documents().unwrap() {
            let text = fs_err::read_to_string(workspace::root().join(&page)).unwrap();
            let lines = text
                .lines()
                .filter_map(|line| line.strip_prefix("cargo xtask "));
            for line in lines {
                // Brackets are for what may be left out.
                let line = line
                    .split('#')
                    .next()
                    .unwrap_or_default()
                    .replace(['[', ']'], "");
                found += 1;
                assert_eq!(refused(&line), None, "{page}: {line}");
            }
        }
        assert!(found > 5, "{found} tasks in the documents");
    }

    #[test]
    fn the_workflows_name_tasks_that_exist_and_pin_their_actions() {
        let mut tasks = 0;
        for workflow in fs_err::read_dir(workspace::root().join(".github/workflows")).unwrap() {
            let workflow = workflow.unwrap().path();
            let text = fs_err::read_to_string(&workflow).unwrap();
            for line in text.lines() {
                let line = line.trim().trim_start_matches("- ");
                let line = line.strip_prefix("run: ").unwrap_or(line);
                if let Some(task) = line.strip_prefix("cargo xtask ") {
                    tasks += 1;
                    assert_eq!(refused(task), None, "{}: {line}", workflow.display());
                }
                let action = line
                    .strip_prefix("uses: ")
                    .filter(|name| !name.starts_with("./"));
                let commit = action.and_then(|name| name.split(['@', ' ']).nth(1));
                let pinned = commit.is_none_or(|commit| {
                    commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
                });
                assert!(pinned, "{}: {line}", workflow.display());
            }
        }
        assert!(tasks > 5, "{tasks} tasks in the workflows");
    }

    #[test]
    fn every_help_has_examples() {
        for task in Arguments::command().get_subcommands_mut() {
            let help = task.render_long_help().to_string();
            assert!(help.contains("Examples:"), "{help}");
        }
    }
}
