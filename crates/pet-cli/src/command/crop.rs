//! `pet-cli crop`

use std::path::PathBuf;

use clap::Args;
use pet_image::{CropBox, crop, encode_rgb};

use super::image_file;
use crate::failure::Failure;
use crate::output;

/// Cut a box out of an image
#[derive(Args)]
pub(crate) struct Arguments {
    /// The image
    image: PathBuf,
    /// The box's edges in pixels; what lies outside the image comes out black
    #[arg(
        long = "box",
        num_args = 4,
        value_names = ["LEFT", "TOP", "RIGHT", "BOTTOM"],
        default_values_t = [0, 0, 224, 224]
    )]
    edges: Vec<u32>,
    /// Where to write the result, in the format of the input [default: only report]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let decoded = image_file::open(&arguments.image)?;
    let edge = |at: usize| arguments.edges.get(at).copied().unwrap_or_default();
    let area = CropBox {
        left: edge(0),
        top: edge(1),
        right: edge(2),
        bottom: edge(3),
    };
    let image = crop(&decoded.image, area)?;
    image_file::save(arguments.output.as_deref(), || {
        encode_rgb(&image, decoded.format)
    })?;
    output::line(format_args!(
        "Image cropped to: {}x{}",
        image.width(),
        image.height()
    ))
}
