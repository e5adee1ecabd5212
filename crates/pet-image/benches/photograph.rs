//! What a picture of 500x375 pixels, and one of 12 megapixels, costs on its way from JPEG bytes to a tensor.
//!
//! `cargo bench -p pet-image` measures a drawn picture; with the environment variable
//! `PET_PHOTOGRAPH=FILE` it measures that file.

#![expect(clippy::expect_used, reason = "a benchmark without its picture has nothing to do")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use pet_image::{
    Augment, Filter, Format, Limits, Preprocess, RgbImage, decode, encode_rgb, resize, shrink,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The bytes of the file to measure.
fn bytes() -> Vec<u8> {
    if let Some(path) = std::env::var_os("PET_PHOTOGRAPH") {
        return fs_err::read(path).expect("`PET_PHOTOGRAPH` names a file");
    }
    encode_rgb(&drawn(), Format::Jpeg).expect("a JPEG has room for 500x375 pixels")
}

/// Slopes with some grain, which compresses about as well as a photograph does.
fn drawn() -> RgbImage {
    RgbImage::from_fn(500, 375, |x, y| {
        let grain = (x * 7919 + y * 104_729 + x * y) % 23;
        [x / 3 + grain, y / 2 + grain, (x + y) / 5 + grain].map(|level| level as u8).into()
    })
}

/// As large as telephones make them.
fn large() -> Vec<u8> {
    let picture = resize(&drawn(), 4032, 3024, Filter::Lanczos).expect("a size that is made");
    encode_rgb(&picture, Format::Jpeg).expect("a JPEG has room for 4032x3024 pixels")
}

fn measure(criterion: &mut Criterion) {
    let bytes = bytes();
    let limits = Limits::default();
    let image = decode(&bytes, &limits).expect("the picture can be decoded").image;
    let recipe = Preprocess::imagenet();
    let mut tensor = vec![0.0; recipe.tensor_len()];

    criterion.bench_function("decode", |bench| {
        bench.iter(|| decode(black_box(&bytes), &limits));
    });
    for filter in [Filter::Bilinear, Filter::Lanczos] {
        criterion.bench_function(&format!("resize to 224x224, {filter:?}"), |bench| {
            bench.iter(|| resize(black_box(&image), 224, 224, filter));
        });
    }
    criterion.bench_function("pixels to tensor", |bench| {
        bench.iter(|| recipe.run_image(black_box(&image), &mut tensor));
    });
    criterion.bench_function("shrink to a shorter side of 256", |bench| {
        bench.iter(|| shrink(black_box(image.clone()), 256));
    });
    let mut random = ChaCha8Rng::seed_from_u64(42);
    let parts_only =
        Augment { scale: (0.35, 1.0), ratio: (3.0 / 4.0, 4.0 / 3.0), ..Augment::none() };
    for (name, augment) in [("parts", parts_only), ("all changes", Augment::standard())] {
        criterion.bench_function(&format!("augmented pixels to tensor, {name}"), |bench| {
            bench.iter(|| augment.run_image(black_box(&image), &recipe, &mut random, &mut tensor));
        });
    }
    criterion.bench_function("bytes to tensor", |bench| {
        bench.iter(|| recipe.run(black_box(&bytes), &limits, &mut tensor));
    });
    let bytes = large();
    criterion.bench_function("decode 4032x3024", |bench| {
        bench.iter(|| decode(black_box(&bytes), &limits));
    });
    criterion.bench_function("bytes of 4032x3024 to tensor", |bench| {
        bench.iter(|| recipe.run(black_box(&bytes), &limits, &mut tensor));
    });
}

criterion_group!(benches, measure);
criterion_main!(benches);
