//! Image formats and their detection.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An image file format that can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// JPEG, baseline and progressive.
    Jpeg,
    /// PNG.
    Png,
    /// GIF; the first frame of an animation.
    Gif,
    /// WebP, lossy and lossless; the first frame of an animation.
    WebP,
    /// Windows bitmap.
    Bmp,
    /// TIFF, the first page; decoding only.
    Tiff,
}

impl Format {
    /// Every format, in the order of messages.
    pub const ALL: [Self; 6] =
        [Self::Jpeg, Self::Png, Self::Gif, Self::WebP, Self::Bmp, Self::Tiff];

    /// The formats that can also be encoded.
    pub const WRITTEN: [Self; 5] = [Self::Jpeg, Self::Png, Self::Gif, Self::WebP, Self::Bmp];

    /// Detects the format by the signature at the start of the content.
    ///
    /// The rest may still be invalid.
    ///
    /// ```
    /// use pet_image::Format;
    ///
    /// assert_eq!(Format::detect(b"GIF89a..."), Some(Format::Gif));
    /// assert_eq!(Format::detect(b"Dear Sir or Madam"), None);
    /// ```
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', ..] if tag_at(bytes, 8) == b"WEBP" => Some(Self::WebP),
            [b'B', b'M', ..] if has_bitmap_header(bytes) => Some(Self::Bmp),
            _ if raw(bytes).is_some() => None,
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Self::Tiff),
            _ => None,
        }
    }

    /// The format of a file name extension, in any case and without the dot.
    ///
    /// ```
    /// use pet_image::Format;
    ///
    /// assert_eq!(Format::of_extension("JPEG"), Some(Format::Jpeg));
    /// assert_eq!(Format::of_extension("txt"), None);
    /// ```
    pub fn of_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "jpg" | "jpeg" | "jpe" | "jfif" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            "gif" => Some(Self::Gif),
            "webp" => Some(Self::WebP),
            "bmp" | "dib" => Some(Self::Bmp),
            "tif" | "tiff" => Some(Self::Tiff),
            _ => None,
        }
    }

    /// The media type for `Content-Type`, such as `image/jpeg`.
    pub const fn media_type(self) -> &'static str {
        self.names().1
    }

    /// The usual file name extension, in lower case and without the dot.
    pub const fn extension(self) -> &'static str {
        self.names().2
    }

    /// The name for people, the media type and the extension.
    const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Jpeg => ("JPEG", "image/jpeg", "jpg"),
            Self::Png => ("PNG", "image/png", "png"),
            Self::Gif => ("GIF", "image/gif", "gif"),
            Self::WebP => ("WebP", "image/webp", "webp"),
            Self::Bmp => ("BMP", "image/bmp", "bmp"),
            Self::Tiff => ("TIFF", "image/tiff", "tiff"),
        }
    }

    /// The format in which to encode an image decoded from this one: the same, or PNG if it can only be decoded.
    ///
    /// ```
    /// use pet_image::Format;
    ///
    /// assert_eq!(Format::Gif.written(), Format::Gif);
    /// assert_eq!(Format::Tiff.written(), Format::Png);
    /// ```
    #[must_use]
    pub const fn written(self) -> Self {
        match self {
            Self::Jpeg | Self::Png | Self::Gif | Self::WebP | Self::Bmp => self,
            Self::Tiff => Self::Png,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.names().0)
    }
}

impl From<Format> for image::ImageFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Jpeg => Self::Jpeg,
            Format::Png => Self::Png,
            Format::Gif => Self::Gif,
            Format::WebP => Self::WebP,
            Format::Bmp => Self::Bmp,
            Format::Tiff => Self::Tiff,
        }
    }
}

/// Detects known formats that are not supported. Returns the name, with an article, and whether it is an image.
pub(crate) fn foreign(bytes: &[u8]) -> Option<(&'static str, bool)> {
    let picture = picture(bytes).map(|kind| (kind, true));
    picture.or_else(|| Some((document(bytes)?, false)))
}

fn picture(bytes: &[u8]) -> Option<&'static str> {
    Some(match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => match tag_at(bytes, 8) {
            b"avif" | b"avis" => "an AVIF image",
            b"heic" | b"heix" | b"hevc" | b"heim" | b"heis" | b"mif1" | b"msf1" => "a HEIC photo",
            b"crx " => "a raw photo (CR3)",
            _ => return None,
        },
        _ if raw(bytes).is_some() => return raw(bytes),
        [0xff, 0x0a, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => "a JPEG XL image",
        [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] | [0xff, 0x4f, 0xff, 0x51, ..] => {
            "a JPEG 2000 image"
        }
        [b'8', b'B', b'P', b'S', ..] => "a Photoshop document",
        [0, 0, 1, 0, ..] => "an icon",
        _ if starts_as_markup(bytes, b"<svg") => "an SVG drawing",
        _ => return None,
    })
}

/// Raw photographs that have a signature; others are TIFF files, detected by their tags.
fn raw(bytes: &[u8]) -> Option<&'static str> {
    Some(match bytes {
        [b'I', b'I', 42, 0, _, _, _, _, b'C', b'R', ..] => "a raw photo (CR2)",
        [b'I', b'I', b'R', b'O' | b'S', ..] | [b'M', b'M', b'O', b'R', ..] => "a raw photo (ORF)",
        [b'I', b'I', b'U', 0, ..] => "a raw photo (RW2)",
        _ if bytes.starts_with(b"FUJIFILMCCD-RAW") => "a raw photo (RAF)",
        _ => return None,
    })
}

fn document(bytes: &[u8]) -> Option<&'static str> {
    Some(match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] | [0x1a, 0x45, 0xdf, 0xa3, ..] => "a video",
        [b'R', b'I', b'F', b'F', ..] if tag_at(bytes, 8) == b"AVI " => "a video",
        [b'%', b'P', b'D', b'F', ..] => "a PDF document",
        [b'P', b'K', 3, 4, ..] => "a ZIP archive",
        [0x1f, 0x8b, ..] => "a gzip archive",
        _ if starts_as_markup(bytes, b"<html") || starts_as_markup(bytes, b"<!doctype html") => {
            "a web page"
        }
        _ => return None,
    })
}

/// The four bytes at an offset, or nothing.
fn tag_at(bytes: &[u8], at: usize) -> &[u8] {
    bytes.get(at..at + 4).unwrap_or_default()
}

/// Whether a text begins with a tag, possibly after an XML declaration.
fn starts_as_markup(bytes: &[u8], tag: &[u8]) -> bool {
    let start = bytes[..bytes.len().min(256)].trim_ascii_start();
    let is_tag =
        |text: &[u8]| text.get(..tag.len()).is_some_and(|text| text.eq_ignore_ascii_case(tag));
    is_tag(start) || (start.starts_with(b"<?xml") && start.windows(tag.len()).any(is_tag))
}

/// Two letters are a weak signature (a text may start with "BM"), so the size of the second header,
/// which identifies its version, is checked as well.
fn has_bitmap_header(bytes: &[u8]) -> bool {
    const HEADER_SIZES: [u8; 8] = [12, 16, 40, 52, 56, 64, 108, 124];
    matches!(bytes.get(14..18), Some(&[size, 0, 0, 0]) if HEADER_SIZES.contains(&size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_starts_with_bm_is_not_a_bitmap() {
        assert_eq!(Format::detect(b"BMW sells cars, not pictures"), None);
        assert_eq!(Format::detect(b"BM"), None);
    }

    #[test]
    fn a_cut_signature_is_not_recognized() {
        for cut in 0..8 {
            assert_eq!(Format::detect(&b"\x89PNG\r\n\x1a\n"[..cut]), None);
        }
    }

    #[test]
    fn what_is_not_read_is_named() {
        for (bytes, kind, is_picture) in [
            (&b"\0\0\0\x1cftypheic\0\0\0\0mif1heic"[..], "a HEIC photo", true),
            (b"\0\0\0\x1cftypavif", "an AVIF image", true),
            (b"\0\0\0\x18ftypmp42", "a video", false),
            (b"II*\0\x10\0\0\0CR\x02\0", "a raw photo (CR2)", true),
            (b"IIRO\x08\0\0\0", "a raw photo (ORF)", true),
            (b"\0\0\0\x0cJXL \r\n", "a JPEG XL image", true),
            (b"%PDF-1.7", "a PDF document", false),
            (b"<?xml version='1.0'?>\n<SVG>", "an SVG drawing", true),
            (b"<!DOCTYPE html><html>", "a web page", false),
        ] {
            assert_eq!(foreign(bytes), Some((kind, is_picture)));
            assert_eq!(Format::detect(bytes), None);
        }
        assert_eq!(foreign(b"Dear Sir"), None);
        assert_eq!(foreign(b""), None);
    }

    #[test]
    fn names_in_json_are_lower_case() {
        let names = serde_json::to_string(&Format::ALL).unwrap();
        assert_eq!(names, r#"["jpeg","png","gif","webp","bmp","tiff"]"#);
    }

    #[test]
    fn media_types_and_extensions_are_the_registered_ones() {
        assert_eq!(Format::WebP.media_type(), "image/webp");
        assert_eq!(Format::Jpeg.extension(), "jpg");
        for format in Format::ALL {
            let known = image::ImageFormat::from(format);
            assert_eq!(format.media_type(), known.to_mime_type());
            assert!(known.extensions_str().contains(&format.extension()));
        }
    }
}
