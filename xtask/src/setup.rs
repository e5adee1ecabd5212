//! `cargo xtask setup`

use clap::Args;

use crate::error::Error;
use crate::pet_cli;
use crate::workspace::Profile;

/// Build pet-cli and fetch what it needs
///
/// Builds pet-cli in release and runs `pet-cli setup`, which puts ONNX Runtime and the backbone's weights into `.cache/`.
/// `pipeline` and `test` do the same by themselves.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask setup")]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> Result<(), Error> {
    pet_cli::set_up(Profile::Release)
}
