//! `cargo xtask test`

use std::ffi::OsString;

use clap::Args;

use crate::ci::python;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::pet_cli;
use crate::workspace::Profile;

/// Set up what is missing, then run every test
///
/// Runs `cargo test --workspace --locked`, the examples in the documentation included. Tests that compare with Python's
/// libraries run where `cargo xtask ci` has made Python environments for them, and say so where they are skipped.
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  cargo xtask test                          every test
  cargo xtask test -p pet-image             those of one package
  cargo xtask test resize -- --nocapture    those with `resize` in their names, with their output")]
pub(crate) struct Arguments {
    /// Handed on to `cargo test`
    #[arg(value_name = "ARGUMENTS", allow_hyphen_values = true)]
    cargo: Vec<OsString>,
    /// Handed on to the test programs
    #[arg(value_name = "TEST ARGUMENTS", last = true)]
    tests: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    if arguments.cargo.is_empty() {
        // Alone, `pet-cli` would be built with fewer features of some libraries, and most of the
        // workspace again for the tests; its own tests see to it that it is built with them.
        selected(arguments).argument("--no-run").run()?;
        pet_cli::invocation(Profile::Development, "setup").run()?;
    } else {
        pet_cli::set_up(Profile::Development)?;
    }
    all(arguments).run()
}

/// The command that runs the tests.
fn all(arguments: &Arguments) -> Invocation {
    let test = selected(arguments);
    if arguments.tests.is_empty() {
        return test;
    }
    test.argument("--").arguments(&arguments.tests)
}

/// The same without what the test programs are told.
fn selected(arguments: &Arguments) -> Invocation {
    let mut test = Invocation::cargo("test --locked").environment("PET_REQUIRE_RUNTIME", "1");
    for (variable, program) in python::installed() {
        test = test.environment(variable, program);
    }
    if !arguments.cargo.iter().any(names_a_package) {
        test = test.argument("--workspace");
    }
    test.arguments(&arguments.cargo)
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

    fn command(words: &[&str]) -> String {
        let line = Line::try_parse_from(std::iter::once(&"test").chain(words)).unwrap();
        let command = all(&line.arguments).to_string();
        let (environment, command) = command.split_once(" cargo ").unwrap();
        assert!(environment.starts_with("PET_REQUIRE_RUNTIME=1"));
        command.to_owned()
    }

    #[test]
    fn everything_unless_a_package_is_named() {
        assert_eq!(command(&[]), "test --locked --workspace");
        assert_eq!(
            command(&["--release"]),
            "test --locked --workspace --release"
        );
        assert_eq!(command(&["-p", "pet-image"]), "test --locked -p pet-image");
        assert_eq!(command(&["--package=x"]), "test --locked --package=x");
    }

    #[test]
    fn arguments_reach_cargo_and_the_tests() {
        assert_eq!(
            command(&["resize", "--", "--nocapture"]),
            "test --locked --workspace resize -- --nocapture"
        );
        assert_eq!(
            command(&["--", "--nocapture", "-q"]),
            "test --locked --workspace -- --nocapture -q"
        );
    }
}
