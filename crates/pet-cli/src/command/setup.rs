//! `pet-cli setup`

use clap::Args;

use crate::arguments::CacheArgument;
use crate::failure::Failure;
use crate::progress::Bars;
use crate::{output, setup};

/// Fetch ONNX Runtime and the backbone's weights into the cache
///
/// Downloads them through the Python and Node.js package managers, checks them against known SHA-256 digests, and does
/// nothing when they are already there.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    cache: CacheArgument,
    /// Fetch again what is already there
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments, bars: &Bars) -> Result<(), Failure> {
    let cache = &arguments.cache;
    let (runtime, backbone) = (cache.runtime_folder(), cache.backbone_file());
    let installed = setup::run(&runtime, &backbone, arguments.force, bars)?;
    output::line(format_args!(
        "ONNX Runtime: {}",
        installed.onnx_runtime.display()
    ))?;
    output::line(format_args!(
        "backbone weights: {}",
        installed.backbone.display()
    ))
}
