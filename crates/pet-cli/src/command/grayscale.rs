//! `pet-cli grayscale`

use std::path::PathBuf;

use clap::Args;
use pet_image::{encode_gray, grayscale};

use super::image_file;
use crate::failure::Failure;
use crate::output;

/// Convert an image to 8-bit grayscale (ITU-R 601)
#[derive(Args)]
pub(crate) struct Arguments {
    /// The image
    image: PathBuf,
    /// Where to write the result, in the format of the input [default: only report]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let decoded = image_file::open(&arguments.image)?;
    let image = grayscale(&decoded.image);
    image_file::save(arguments.output.as_deref(), || {
        encode_gray(&image, decoded.format)
    })?;
    output::line("Image converted to grayscale (mode: L)")
}
