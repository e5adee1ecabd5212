//! `pet-cli resize`, `grayscale`, `normalize` and `crop`

use std::path::{Path, PathBuf};

use clap::Args;
use pet_image::{CropBox, Decoded, Filter, Format, Statistics, decode, encode_gray, encode_rgb};
use pet_model::write_atomically;

use crate::arguments::LimitArguments;
use crate::failure::Failure;
use crate::output;

/// Resize an image (Lanczos)
#[derive(Args)]
pub(crate) struct ResizeArguments {
    /// The image
    image: PathBuf,
    /// Width in pixels
    width: u32,
    /// Height in pixels
    height: u32,
    #[command(flatten)]
    output: OutputArgument,
    #[command(flatten)]
    limits: LimitArguments,
}

/// Arguments of commands without parameters.
#[derive(Args)]
pub(crate) struct FileArguments {
    /// The image
    image: PathBuf,
    #[command(flatten)]
    output: OutputArgument,
    #[command(flatten)]
    limits: LimitArguments,
}

/// Crop an image
#[derive(Args)]
pub(crate) struct CropArguments {
    /// The image
    image: PathBuf,
    /// The box's edges in pixels; anything outside the image is black
    #[arg(
        long = "box",
        num_args = 4,
        value_names = ["LEFT", "TOP", "RIGHT", "BOTTOM"],
        default_values_t = [0, 0, 224, 224]
    )]
    edges: Vec<u32>,
    #[command(flatten)]
    output: OutputArgument,
    #[command(flatten)]
    limits: LimitArguments,
}

#[derive(Args)]
struct OutputArgument {
    /// Output file, in the format given by its extension, or without one in the image's format (PNG for TIFF) [default:
    /// none, only report]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl OutputArgument {
    /// Writes the image atomically, if an output file was given.
    fn save(
        &self,
        input: Format,
        encode: impl FnOnce(Format) -> Result<Vec<u8>, pet_image::Error>,
    ) -> Result<(), Failure> {
        let Some(path) = &self.output else {
            return Ok(());
        };
        Ok(write_atomically(path, &encode(format(path, input)?)?)?)
    }
}

/// The format of the output file.
fn format(path: &Path, input: Format) -> Result<Format, Failure> {
    let Some(extension) = path.extension() else {
        return Ok(input.written());
    };
    let format = extension.to_str().and_then(Format::of_extension);
    let format = format.filter(|format| Format::WRITTEN.contains(format));
    format.ok_or_else(|| Failure::UnknownExtension { path: path.into() })
}

fn open(path: &Path, limits: LimitArguments) -> Result<Decoded, Failure> {
    let content = limits.read(path)?;
    decode(&content, &limits.limits()).map_err(|error| Failure::from(error).at(path))
}

pub(crate) fn resize(arguments: &ResizeArguments) -> Result<(), Failure> {
    let decoded = open(&arguments.image, arguments.limits)?;
    let (width, height) = (arguments.width, arguments.height);
    let image = pet_image::resize(&decoded.image, width, height, Filter::Lanczos)?;
    let encode = |format| encode_rgb(&image, format);
    arguments.output.save(decoded.format, encode)?;
    let (width, height) = image.dimensions();
    output::line(format_args!("Image resized to: {width}x{height}"))
}

pub(crate) fn grayscale(arguments: &FileArguments) -> Result<(), Failure> {
    let decoded = open(&arguments.image, arguments.limits)?;
    let image = pet_image::grayscale(&decoded.image);
    let encode = |format| encode_gray(&image, format);
    arguments.output.save(decoded.format, encode)?;
    output::line("Image converted to grayscale (mode: L)")
}

pub(crate) fn normalize(arguments: &FileArguments) -> Result<(), Failure> {
    let decoded = open(&arguments.image, arguments.limits)?;
    let statistics = Statistics::of(&decoded.image);
    let encode = |format| encode_rgb(&pet_image::contrast_stretch(&decoded.image), format);
    arguments.output.save(decoded.format, encode)?;
    let channels = |[red, green, blue]: [f64; 3]| format!("[{red:.2}, {green:.2}, {blue:.2}]");
    output::line("Image normalized.")?;
    output::line(format_args!("  Mean: {}", channels(statistics.mean)))?;
    output::line(format_args!("  Std Dev: {}", channels(statistics.standard_deviation)))
}

pub(crate) fn crop(arguments: &CropArguments) -> Result<(), Failure> {
    let decoded = open(&arguments.image, arguments.limits)?;
    let edge = |index: usize| arguments.edges.get(index).copied().unwrap_or_default();
    let area = CropBox { left: edge(0), top: edge(1), right: edge(2), bottom: edge(3) };
    let image = pet_image::crop(&decoded.image, area)?;
    let encode = |format| encode_rgb(&image, format);
    arguments.output.save(decoded.format, encode)?;
    let (width, height) = image.dimensions();
    output::line(format_args!("Image cropped to: {width}x{height}"))
}
