//! Images that are not read here, told from what is no image at all.

/// Signatures of other image formats: their offset, their bytes, the format.
const SIGNATURES: [(usize, &[u8], &str); 12] = [
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypheix", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
    (4, b"ftypavif", "AVIF"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\0\0\x01\0", "ICO"),
    (0, b"8BPS", "Photoshop"),
    (0, b"<svg", "SVG"),
];

/// The format of an image that is not read here; `None` for what is no image as far as one can see.
pub(crate) fn foreign_format(content: &[u8]) -> Option<&'static str> {
    let found = SIGNATURES.iter().find(|(offset, signature, _)| {
        let start = content.get(*offset..).unwrap_or_default();
        start.starts_with(signature)
    });
    found.map(|(_, _, format)| *format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_told_from_texts() {
        assert_eq!(foreign_format(b"\0\0\0\x18ftypheic\0\0"), Some("HEIC"));
        assert_eq!(foreign_format(b"II*\0 and more"), Some("TIFF"));
        assert_eq!(foreign_format(b"Dear Sir or Madam"), None);
        assert_eq!(foreign_format(b""), None);
    }
}
