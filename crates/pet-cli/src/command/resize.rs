//! `pet-cli resize`

use std::path::PathBuf;

use clap::Args;
use pet_image::{Filter, encode_rgb, resize};

use super::image_file;
use crate::failure::Failure;
use crate::output;

/// Resize an image (Lanczos)
#[derive(Args)]
pub(crate) struct Arguments {
    /// The image
    image: PathBuf,
    /// Width in pixels
    width: u32,
    /// Height in pixels
    height: u32,
    /// Where to write the result, in the format of the input [default: only report]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let decoded = image_file::open(&arguments.image)?;
    let image = resize(
        &decoded.image,
        arguments.width,
        arguments.height,
        Filter::Lanczos,
    )?;
    image_file::save(arguments.output.as_deref(), || {
        encode_rgb(&image, decoded.format)
    })?;
    output::line(format_args!(
        "Image resized to: {}x{}",
        image.width(),
        image.height()
    ))
}
