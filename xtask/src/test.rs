//! `cargo xtask test`

use std::ffi::OsString;

use clap::Args;

use crate::ci::python;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::pet_cli::{self, TESTED_FEATURES};
use crate::workspace::Profile;

/// The option of `cargo test` to compile only.
const NO_RUN: &str = "--no-run";

/// Set up what is missing, then run every test
///
/// Runs `cargo test --workspace --locked --features pet-cli/grpc`, including the examples in the documentation. Tests
/// that compare with Python libraries run if `cargo xtask ci` has created Python environments for them, and report if
/// they are skipped.
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  cargo xtask test                          every test
  cargo xtask test -p pet-image             those of one package
  cargo xtask test resize -- --nocapture    those with `resize` in their names, with their output")]
pub(crate) struct Arguments {
    /// Passed to `cargo test`
    #[arg(value_name = "ARGUMENTS", allow_hyphen_values = true)]
    cargo: Vec<OsString>,
    /// Passed to the test programs
    #[arg(value_name = "TEST ARGUMENTS", last = true)]
    tests: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    if arguments.cargo.iter().any(|argument| argument == NO_RUN) {
        return command(arguments).run();
    }
    if arguments.cargo.iter().any(names_a_package) {
        pet_cli::set_up(Profile::Development)?;
    } else {
        // Compiles `pet-cli` with the tests: alone, it would have fewer features of some libraries, and most of the
        // workspace would be compiled twice.
        compilation(arguments).run()?;
        pet_cli::invocation(Profile::Development, "setup").run()?;
    }
    command(arguments).run()
}

/// The command that runs the tests.
fn command(arguments: &Arguments) -> Invocation {
    let test = cargo_test(arguments).arguments(&arguments.cargo);
    if arguments.tests.is_empty() {
        return test;
    }
    test.argument("--").arguments(&arguments.tests)
}

/// The command that compiles them. Given arguments may end with some for the test programs.
fn compilation(arguments: &Arguments) -> Invocation {
    cargo_test(arguments).argument(NO_RUN).arguments(&arguments.cargo)
}

/// `cargo test` of the packages, without the given arguments.
fn cargo_test(arguments: &Arguments) -> Invocation {
    let mut test = Invocation::line("cargo test --locked").environment("PET_REQUIRE_RUNTIME", "1");
    for (variable, program) in python::variables() {
        test = test.environment(variable, program);
    }
    if !arguments.cargo.iter().any(names_a_package) {
        test = test.argument("--workspace").words(TESTED_FEATURES);
    }
    test
}

fn names_a_package(argument: &OsString) -> bool {
    let argument = argument.to_string_lossy();
    argument.starts_with("-p") || argument.starts_with("--package")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn shown(words: &[&str]) -> String {
        shown_as(command, words)
    }

    fn shown_as(command: fn(&Arguments) -> Invocation, words: &[&str]) -> String {
        let line = Line::try_parse_from(std::iter::once(&"test").chain(words)).unwrap();
        let command = command(&line.arguments).to_string();
        let (environment, command) = command.split_once(" cargo ").unwrap();
        assert!(environment.contains("PET_REQUIRE_RUNTIME=1"));
        command.to_owned()
    }

    #[test]
    fn all_packages_are_tested_unless_one_is_named() {
        assert_eq!(shown(&[]), "test --locked --workspace --features pet-cli/grpc");
        assert_eq!(
            shown(&["--release"]),
            "test --locked --workspace --features pet-cli/grpc --release"
        );
        assert_eq!(shown(&["-p", "pet-image"]), "test --locked -p pet-image");
        assert_eq!(shown(&["--package=x"]), "test --locked --package=x");
    }

    #[test]
    fn arguments_are_passed_to_cargo_and_the_tests() {
        assert_eq!(
            shown(&["resize", "--", "--nocapture"]),
            "test --locked --workspace --features pet-cli/grpc resize -- --nocapture"
        );
        assert_eq!(
            shown_as(compilation, &["resize", "--", "--nocapture"]),
            "test --locked --workspace --features pet-cli/grpc --no-run resize -- --nocapture"
        );
        assert_eq!(
            shown(&["--", "--nocapture", "-q"]),
            "test --locked --workspace --features pet-cli/grpc -- --nocapture -q"
        );
    }
}
