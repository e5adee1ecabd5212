//! `pet-cli setup`

use clap::Args;
use pet_data::Progress;

use crate::arguments::CacheArgument;
use crate::failure::Failure;
use crate::{output, setup};

/// Fetch ONNX Runtime and the backbone's weights into the cache
///
/// Takes them from the Python and Node.js package managers, checks them against known SHA-256 digests, and does
/// nothing when they are there already.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    cache: CacheArgument,
    /// Fetch again what is there already
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments, progress: &dyn Progress) -> Result<(), Failure> {
    let installed = setup::run(&arguments.cache.cache_dir, arguments.force, progress)?;
    output::line(format_args!(
        "ONNX Runtime: {}",
        installed.onnx_runtime.display()
    ))?;
    output::line(format_args!(
        "backbone weights: {}",
        installed.backbone.display()
    ))
}
