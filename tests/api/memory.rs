//! Memory that all requests share.

use std::num::NonZero;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use pet_image::Format;

use crate::support::{Service, get, gradient, post};

/// An empty picture of 16 bits a channel with transparency: a small file, and 8 bytes for each pixel.
pub(crate) fn deep(side: u32) -> Vec<u8> {
    let mut png = Vec::new();
    let levels = vec![0; side as usize * side as usize * 8];
    let encoder = PngEncoder::new(&mut png);
    let color = ExtendedColorType::Rgba16;
    encoder.write_image(&levels, side, side, color).unwrap();
    png
}

#[test]
fn what_does_not_fit_413_with_the_figures_and_what_fits_is_answered() {
    let name = "what_does_not_fit_413_with_the_figures_and_what_fits_is_answered";
    let Some(service) = Service::start_with(name, |settings| {
        settings.workers = NonZero::new(2).unwrap();
        settings.decoding_memory = 90 << 20;
    }) else {
        return;
    };
    let hostile = post("/predict").file("x.png", &deep(3000));
    // 8 bytes for each pixel and 4 for its copy of 8 bits, 8 MiB for tables; the limit is 90 MiB less 30 MiB.
    let needed = 3000 * 3000 * 12 + (8 << 20);
    let answer = hostile.send(service.address);
    answer.refused(413, "too_large");
    let text = answer.text();
    assert!(text.contains(&needed.to_string()), "{text}");
    assert!(text.contains(&(60 << 20).to_string()), "{text}");

    // Expensive, and within the limit: each gets its turn.
    let large = post("/predict").file("x.png", &deep(1800));
    let small = post("/predict").file("x.png", &gradient(300, 300, Format::Png));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                large.send(service.address).ok();
            });
        }
        for _ in 0..4 {
            small.send(service.address).ok();
            get("/health").send(service.address).ok();
        }
    });
    // A result counts as well as what is uploaded.
    let resize = post("/resize?width=7000&height=7000").file("x.png", &gradient(9, 9, Format::Png));
    resize.send(service.address).refused(413, "too_large");
}
