//! How a photograph becomes the network's square input, as it is asked for on the command line.

use pet_image::{Preprocess, Resize};

/// Side of the square that MobileNetV2 was pretrained with, in pixels.
const SIZE: u32 = 224;
/// The shorter side of which torchvision cuts that square, in pixels.
const SHORTER_SIDE: u32 = 256;

/// Reads `stretch[:SIZE]` or `center-crop[:RESIZE:SIZE]`.
pub(super) fn parse(text: &str) -> Result<Preprocess, String> {
    let unknown = || "expected stretch, stretch:SIZE, center-crop or center-crop:RESIZE:SIZE";
    let mut parts = text.split(':');
    let name = parts.next().unwrap_or_default();
    let sizes: Vec<u32> = parts
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| unknown())?;
    let resize = match (name, sizes.as_slice()) {
        ("stretch", []) => Resize::Stretch { size: SIZE },
        ("stretch", &[size]) => Resize::Stretch { size },
        ("center-crop", []) => Resize::CenterCrop {
            resize: SHORTER_SIDE,
            size: SIZE,
        },
        ("center-crop", &[resize, size]) => Resize::CenterCrop { resize, size },
        _ => return Err(unknown().into()),
    };
    let preprocess = Preprocess {
        resize,
        ..Preprocess::imagenet()
    };
    preprocess.validate().map_err(|error| error.to_string())?;
    Ok(preprocess)
}

/// The recipe in a few words.
pub(crate) fn name(preprocess: &Preprocess) -> String {
    match preprocess.resize {
        Resize::Stretch { size } => format!("stretch {size}"),
        Resize::CenterCrop { resize, size } => format!("resize {resize}, center crop {size}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_may_be_left_out() {
        let name = |text| name(&parse(text).unwrap());
        assert_eq!(name("stretch"), "stretch 224");
        assert_eq!(name("stretch:192"), "stretch 192");
        assert_eq!(name("center-crop"), "resize 256, center crop 224");
        assert_eq!(name("center-crop:288:256"), "resize 288, center crop 256");
    }

    #[test]
    fn what_makes_no_square_is_refused() {
        for text in [
            "",
            "letterbox",
            "stretch:",
            "stretch:big",
            "stretch:1:2",
            "center-crop:256",
        ] {
            assert!(parse(text).unwrap_err().starts_with("expected"), "{text}");
        }
        assert!(parse("center-crop:200:224").unwrap_err().contains("resize"));
        assert!(parse("stretch:4096").unwrap_err().contains("1 to 1024"));
    }
}
