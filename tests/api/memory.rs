//! The memory for decoding.

use std::num::NonZero;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use pet_image::Format;
use pet_tests::gradient;

use crate::support::{Service, get, post};

/// A blank image with alpha and 16 bits per channel: a small file that takes 8 bytes per pixel.
pub(crate) fn deep(side: u32) -> Vec<u8> {
    let mut png = Vec::new();
    let levels = vec![0; side as usize * side as usize * 8];
    let encoder = PngEncoder::new(&mut png);
    let color = ExtendedColorType::Rgba16;
    encoder.write_image(&levels, side, side, color).unwrap();
    png
}

#[test]
fn image_beyond_the_decoding_memory_413() {
    let Some(service) = Service::start_with(|settings| {
        settings.workers = NonZero::new(2).unwrap();
        settings.decoding_memory = 90 << 20;
    }) else {
        return;
    };
    let hostile = post("/predict").file("x.png", &deep(3000));
    // 8 bytes per pixel, 4 for its 8-bit copy, and 8 MiB for tables; the limit is 90 MiB less 30 MiB.
    let needed = 3000 * 3000 * 12 + (8 << 20);
    let response = hostile.send(&service);
    response.error(413, "too_large");
    let text = response.text();
    assert!(text.contains(&needed.to_string()), "{text}");
    assert!(text.contains(&(60 << 20).to_string()), "{text}");

    // Expensive images within the limit wait for each other.
    let large = post("/predict").file("x.png", &deep(1800));
    let small = post("/predict").file("x.png", &gradient(300, 300, Format::Png));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                large.send(&service).ok();
            });
        }
        for _ in 0..4 {
            small.send(&service).ok();
            get("/health").send(&service).ok();
        }
    });
    // The result counts as well as the upload.
    let resize = post("/resize?width=7000&height=7000").file("x.png", &gradient(9, 9, Format::Png));
    resize.send(&service).error(413, "too_large");
}
