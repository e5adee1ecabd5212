//! Images to send.

use std::fmt::Display;
use std::path::PathBuf;

use pet_image::{Format, RgbImage, encode_rgb};

use super::service::root;

/// A PNG that claims 40,000×40,000 pixels, which would take 4.8 GB, and has only a few.
pub(crate) const HUGE_PNG: &[u8] = b"\x89PNG\r\n\x1a\n\
    \0\0\0\rIHDR\0\0\x9c\x40\0\0\x9c\x40\x08\x02\0\0\0\xde\x6e\x99\x52\
    \x00\x00\x00\x0bIDAT\x78\x9c\x63\x60\xc0\x07\x00\x00\x1e\x00\x01\xf6\xfd\xe9\x96\
    \x00\x00\x00\x00IEND\xae\x42\x60\x82";

/// An image with a colour gradient.
pub(crate) fn gradient(width: u32, height: u32, format: Format) -> Vec<u8> {
    let level = |at: u32, extent: u32| (at * 255 / extent.max(1)) as u8;
    let image = RgbImage::from_fn(width, height, |x, y| {
        [level(x, width), level(y, height), 90].into()
    });
    encode_rgb(&image, format).unwrap()
}

/// The first half of a JPEG file.
pub(crate) fn truncated_jpeg() -> Vec<u8> {
    let mut bytes = gradient(200, 200, Format::Jpeg);
    bytes.truncate(bytes.len() / 2);
    bytes
}

/// Photographs at their original size; without them the test is skipped.
pub(crate) fn photographs() -> Option<Vec<PathBuf>> {
    let folder = shared().join("originals");
    let entries = fs_err::read_dir(&folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jpg"));
    files.sort();
    if files.is_empty() {
        skipped(format_args!("no photographs at {}", folder.display()));
        return None;
    }
    Some(files)
}

/// The test images of the Oxford-IIIT Pet data set, ordered by breed; without them the test is skipped.
pub(crate) fn test_images() -> Option<Vec<PathBuf>> {
    let folder = shared().join("oxford-iiit-pet");
    let Ok(list) = fs_err::read_to_string(folder.join("annotations/test.txt")) else {
        skipped(format_args!("no photographs at {}", folder.display()));
        return None;
    };
    let names = list.lines().filter_map(|line| line.split(' ').next());
    let file = |name| folder.join("images").join(name).with_extension("jpg");
    let mut files: Vec<_> = names.map(file).collect();
    files.sort();
    Some(files)
}

fn shared() -> PathBuf {
    std::env::var_os("PET_SHARED_DATA").map_or_else(|| root().join("../shared/data"), PathBuf::from)
}

/// Reports that the current test is skipped. The test harness names threads after their tests.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn skipped(reason: impl Display) {
    let thread = std::thread::current();
    eprintln!("skipped: {}: {reason}", thread.name().unwrap_or_default());
}
