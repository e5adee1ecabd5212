//! `pet-cli normalize`

use std::path::PathBuf;

use clap::Args;
use pet_image::{Statistics, contrast_stretch, encode_rgb};

use super::image_file;
use crate::failure::Failure;
use crate::output;

/// Stretch the contrast of an image and report its channels' mean and standard deviation
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
    let statistics = Statistics::of(&decoded.image);
    let output = arguments.output.as_deref();
    image_file::save(output, || {
        encode_rgb(&contrast_stretch(&decoded.image), decoded.format)
    })?;
    output::line("Image normalized.")?;
    output::line(format_args!("Mean: {}", channels(statistics.mean)))?;
    output::line(format_args!(
        "Std Dev: {}",
        channels(statistics.standard_deviation)
    ))
}

fn channels(values: [f64; 3]) -> String {
    let [red, green, blue] = values;
    format!("[{red:.4}, {green:.4}, {blue:.4}]")
}
