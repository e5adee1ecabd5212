//! What can go wrong between bytes and tensors.

use crate::{CropBox, Format, MAX_OUTPUT_PIXELS, MAX_OUTPUT_SIDE};

/// The cause that a decoder or encoder reports, kept without naming its type.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why an image could not be read, changed or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There are no bytes at all.
    #[error("the image is empty: 0 bytes")]
    Empty,
    /// The file is larger than [`Limits::bytes`](crate::Limits::bytes).
    #[error("the image has `{bytes}` bytes, more than the limit of `{limit}`")]
    TooManyBytes {
        /// Size of the file in bytes.
        bytes: u64,
        /// Largest accepted size in bytes.
        limit: u64,
    },
    /// The content is in none of the formats of [`Format`].
    #[error(
        "the content is not a JPEG, PNG, GIF, WebP, BMP or TIFF image; it starts with `{start}`"
    )]
    UnknownFormat {
        /// The first bytes, with unprintable ones escaped.
        start: String,
    },
    /// The content is a picture or another file of a kind that people send, but that is not read.
    #[error("the content is {kind}, not a JPEG, PNG, GIF, WebP, BMP or TIFF image")]
    ForeignFormat {
        /// What it is, with its article, such as `a HEIC photograph`.
        kind: &'static str,
        /// Whether it is a picture, which an image program can convert.
        is_picture: bool,
    },
    /// The header announces a picture wider or higher than the limits.
    #[error(
        "the image is {width}x{height} pixels, more than the limit of {max_width}x{max_height}"
    )]
    TooLarge {
        /// Width in pixels, from the header.
        width: u32,
        /// Height in pixels, from the header.
        height: u32,
        /// Largest accepted width in pixels.
        max_width: u32,
        /// Largest accepted height in pixels.
        max_height: u32,
    },
    /// The header announces more pixels than [`Limits::pixels`](crate::Limits::pixels).
    #[error("the image is {width}x{height} pixels, more than the limit of `{limit}` pixels in all")]
    TooManyPixels {
        /// Width in pixels, from the header.
        width: u32,
        /// Height in pixels, from the header.
        height: u32,
        /// Largest accepted number of pixels.
        limit: u64,
    },
    /// A progressive picture comes in more passes than it may cost to decode.
    #[error("the image comes in `{scans}` scans, more than the limit of `{limit}` for its size")]
    TooManyScans {
        /// Number of scans in the file.
        scans: u64,
        /// Largest accepted number for a picture of this size.
        limit: u64,
    },
    /// Decoding would take more memory than a picture of the largest accepted size may.
    #[error("decoding the image takes `{bytes}` bytes of memory, more than the limit of `{limit}`")]
    TooMuchMemory {
        /// Memory for coefficients, planes and pixels, in bytes.
        bytes: u64,
        /// Largest accepted number of bytes.
        limit: u64,
    },
    /// Nobody waits for the picture any more, as [`while_wanted`](crate::while_wanted) was told.
    #[error("the image was given up: nobody waits for it any more")]
    Unwanted,
    /// The file breaks off before the picture is complete.
    #[error(
        "the {format} image is truncated: it ends after `{bytes}` bytes, before the picture is complete"
    )]
    Truncated {
        /// Format told by the first bytes.
        format: Format,
        /// Number of bytes that are there.
        bytes: u64,
    },
    /// A part of the picture is damaged beyond what a decoder can bridge.
    #[error("the {format} image is damaged: only `{decoded}` of `{height}` rows could be decoded")]
    Damaged {
        /// Format told by the first bytes.
        format: Format,
        /// Number of rows from the top that could be decoded.
        decoded: u32,
        /// Number of rows that the header announces.
        height: u32,
        /// What the decoder said.
        source: Cause,
    },
    /// The decoder refuses the file: malformed, or a feature it does not know.
    #[error("cannot decode the {format} image")]
    Decode {
        /// Format told by the first bytes.
        format: Format,
        /// What the decoder said.
        source: Cause,
    },
    /// The encoder refuses the image, for example because the format has no room for its size.
    #[error("cannot encode the {width}x{height} image as {format}")]
    Encode {
        /// Format asked for.
        format: Format,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// What the encoder said.
        source: Cause,
    },
    /// The image to work on, or the size asked for, has no pixels.
    #[error("an image of {width}x{height} pixels has no pixels")]
    NoPixels {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The result would be larger than this crate makes.
    #[error(
        "an image of {width}x{height} pixels would be more than the limit of \
         {MAX_OUTPUT_SIDE} a side and {MAX_OUTPUT_PIXELS} in all"
    )]
    OutputTooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The crop box encloses nothing.
    #[error("the crop box `{area}` is empty: right must exceed left, and bottom must exceed top")]
    EmptyCrop {
        /// The box asked for.
        area: CropBox,
    },
    /// A part that is to be resized does not lie within the image.
    #[error("the box `{area}` reaches outside the image of {width}x{height} pixels")]
    CropOutside {
        /// The box asked for.
        area: CropBox,
        /// Width of the image in pixels.
        width: u32,
        /// Height of the image in pixels.
        height: u32,
    },
    /// The resizing library refuses the image.
    #[error("cannot resize to {width}x{height} pixels")]
    Resize {
        /// Width asked for, in pixels.
        width: u32,
        /// Height asked for, in pixels.
        height: u32,
        /// What the library said.
        source: Cause,
    },
    /// The preprocessing recipe holds a value that makes no sense.
    #[error("the preprocessing recipe has `{field}` = `{value}`, expected {expected}")]
    Recipe {
        /// Name of the field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is accepted.
        expected: &'static str,
    },
    /// The augmentation holds a value that makes no sense.
    #[error("the augmentation has `{field}` = `{value}`, expected {expected}")]
    Augment {
        /// Name of the field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is accepted.
        expected: &'static str,
    },
    /// The tensor handed in does not have the length of the recipe's output.
    #[error("the tensor has `{got}` elements, expected `{expected}`")]
    TensorLength {
        /// [`Preprocess::tensor_len`](crate::Preprocess::tensor_len) of the recipe.
        expected: usize,
        /// Length of the slice handed in.
        got: usize,
    },
}

impl Error {
    /// What a person can do about it, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Empty | Self::Truncated { .. } => {
                "the copy or the upload broke off; fetch the file again"
            }
            Self::TooManyBytes { .. } | Self::TooLarge { .. } | Self::TooManyPixels { .. } => {
                "save a smaller copy with an image program, or raise the limit"
            }
            Self::ForeignFormat {
                is_picture: true, ..
            } => "open it in an image program and save it as JPEG",
            Self::ForeignFormat { .. } => "use the photograph itself, saved as JPEG or PNG",
            Self::UnknownFormat { .. } => {
                "the format is told by the content, not by the file name; \
                 save the picture as JPEG, PNG, GIF, WebP, BMP or TIFF"
            }
            Self::TooManyScans { .. }
            | Self::TooMuchMemory { .. }
            | Self::Damaged { .. }
            | Self::Decode { .. } => "open the picture in an image program and save it again",
            Self::Encode { .. } => "choose another format, for example PNG",
            Self::OutputTooLarge { .. } => "ask for a smaller size",
            Self::Unwanted
            | Self::NoPixels { .. }
            | Self::EmptyCrop { .. }
            | Self::CropOutside { .. }
            | Self::Resize { .. }
            | Self::Recipe { .. }
            | Self::Augment { .. }
            | Self::TensorLength { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
