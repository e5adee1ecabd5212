//! `pet-cli completions`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::arguments::Arguments as Root;
use crate::failure::Failure;
use crate::output;

/// Print a completion script for a shell
///
/// For example: pet-cli completions bash > ~/.local/share/bash-completion/completions/pet-cli
#[derive(Args)]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Root::command(),
        "pet-cli",
        &mut script,
    );
    output::line(String::from_utf8_lossy(&script).trim_end())
}
