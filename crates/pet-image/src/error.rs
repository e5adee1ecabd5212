//! The error type of the crate.

use crate::{CropBox, Format};

/// The error of a decoder or encoder, without its type.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why an image could not be decoded, changed or encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There are no bytes.
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
    /// The content has no known format.
    #[error(
        "the content is not a JPEG, PNG, GIF, WebP, BMP or TIFF image; it starts with `{start}`"
    )]
    UnknownFormat {
        /// The first bytes, with unprintable ones escaped.
        start: String,
    },
    /// The content has a known format that is not supported.
    #[error("the content is {kind}, not a JPEG, PNG, GIF, WebP, BMP or TIFF image")]
    ForeignFormat {
        /// What it is, with its article, such as `a HEIC photograph`.
        kind: &'static str,
        /// Whether it is an image, which can be converted.
        is_picture: bool,
    },
    /// The image is wider or higher than the limits.
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
    /// The image has more pixels than [`Limits::pixels`](crate::Limits::pixels).
    #[error(
        "the image is {width}x{height} pixels, more than the limit of `{limit}` pixels in total"
    )]
    TooManyPixels {
        /// Width in pixels, from the header.
        width: u32,
        /// Height in pixels, from the header.
        height: u32,
        /// Largest accepted number of pixels.
        limit: u64,
    },
    /// A progressive JPEG has more scans than are accepted for its size.
    #[error("the image has `{scans}` scans, more than the limit of `{limit}` for its size")]
    TooManyScans {
        /// Number of scans in the file.
        scans: u64,
        /// Largest accepted number for an image of this size.
        limit: u64,
    },
    /// Decoding would take more memory than is accepted.
    #[error("decoding the image takes `{bytes}` bytes of memory, more than the limit of `{limit}`")]
    TooMuchMemory {
        /// Memory for coefficients, planes and pixels, in bytes.
        bytes: u64,
        /// Largest accepted number of bytes.
        limit: u64,
    },
    /// Decoding was cancelled by [`cancel_unless`](crate::cancel_unless).
    #[error("decoding the image was cancelled: nobody is waiting for it")]
    Cancelled,
    /// The file is incomplete.
    #[error(
        "the {format} image is truncated: it ends after `{bytes}` bytes, before the image is complete"
    )]
    Truncated {
        /// Detected format.
        format: Format,
        /// Size of the file in bytes.
        bytes: u64,
    },
    /// Too much of the image is damaged.
    #[error("the {format} image is damaged: only `{decoded}` of `{height}` rows could be decoded")]
    Damaged {
        /// Detected format.
        format: Format,
        /// Number of rows from the top that could be decoded.
        decoded: u32,
        /// Height in pixels, from the header.
        height: u32,
        /// The decoder's error.
        source: Cause,
    },
    /// The file is malformed or uses an unsupported feature.
    #[error("cannot decode the {format} image")]
    Decode {
        /// Detected format.
        format: Format,
        /// The decoder's error.
        source: Cause,
    },
    /// The image cannot be encoded, for example because it is too large for the format.
    #[error("cannot encode the {width}x{height} image as {format}")]
    Encode {
        /// Requested format.
        format: Format,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The encoder's error.
        source: Cause,
    },
    /// The image, or the requested size, has no pixels.
    #[error("an image of {width}x{height} pixels has no pixels")]
    NoPixels {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The result would be too large.
    #[error(
        "an image of {width}x{height} pixels would be more than the limit of \
         {max_side} a side and {max_pixels} in total"
    )]
    OutputTooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The largest width and height.
        max_side: u32,
        /// The largest number of pixels.
        max_pixels: u64,
    },
    /// The crop box is empty.
    #[error("the crop box `{area}` is empty: right must exceed left, and bottom must exceed top")]
    EmptyCrop {
        /// The requested box.
        area: CropBox,
    },
    /// The part to resize is not within the image.
    #[error("the box `{area}` reaches outside the image of {width}x{height} pixels")]
    CropOutside {
        /// The requested box.
        area: CropBox,
        /// Width of the image in pixels.
        width: u32,
        /// Height of the image in pixels.
        height: u32,
    },
    /// The resizing library failed.
    #[error("cannot resize to {width}x{height} pixels")]
    Resize {
        /// Requested width in pixels.
        width: u32,
        /// Requested height in pixels.
        height: u32,
        /// The library's error.
        source: Cause,
    },
    /// The preprocessing recipe has an invalid value.
    #[error("the preprocessing recipe has `{field}` = `{value}`, expected {expected}")]
    Recipe {
        /// Name of the field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is accepted.
        expected: &'static str,
    },
    /// The augmentation has an invalid value.
    #[error("the augmentation has `{field}` = `{value}`, expected {expected}")]
    Augment {
        /// Name of the field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is accepted.
        expected: &'static str,
    },
    /// The output tensor has the wrong length.
    #[error("the tensor has `{got}` elements, expected `{expected}`")]
    TensorLength {
        /// [`Preprocess::tensor_len`](crate::Preprocess::tensor_len) of the recipe.
        expected: usize,
        /// Length of the slice.
        got: usize,
    },
}

impl Error {
    /// The error for an incomplete file.
    pub(crate) fn truncated(bytes: &[u8], format: Format) -> Self {
        Self::Truncated { format, bytes: bytes.len() as u64 }
    }

    /// A suggested remedy, if there is one.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Empty | Self::Truncated { .. } => {
                "the file or the upload is incomplete; get the file again"
            }
            Self::TooManyBytes { .. } | Self::TooLarge { .. } | Self::TooManyPixels { .. } => {
                "save a smaller copy with an image editor, or raise the limit"
            }
            Self::ForeignFormat { is_picture: true, .. } => {
                "open it in an image editor and save it as JPEG"
            }
            Self::ForeignFormat { .. } => "use the photo itself, saved as JPEG or PNG",
            Self::UnknownFormat { .. } => {
                "convert it to JPEG, PNG, GIF, WebP, BMP or TIFF; the file's content counts, not its name"
            }
            Self::TooManyScans { .. }
            | Self::TooMuchMemory { .. }
            | Self::Damaged { .. }
            | Self::Decode { .. } => "open the image in an image editor and save it again",
            Self::Encode { .. } => "choose another format, for example PNG",
            Self::OutputTooLarge { .. } => "request a smaller size",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
