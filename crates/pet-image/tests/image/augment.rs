//! Random changes: what holds for any photograph, and against Pillow.

use pet_image::{Augment, Change, CropBox, Error, Preprocess, Resize, RgbImage, shrink};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use safetensors::SafeTensors;

use crate::support::{difference, floats, golden, picture};

fn recipe(size: u32) -> Preprocess {
    Preprocess { resize: Resize::Stretch { size }, ..Preprocess::imagenet() }
}

fn tensor_of(change: &Change, image: &RgbImage, recipe: &Preprocess) -> Vec<f32> {
    let mut tensor = vec![f32::NAN; recipe.tensor_len()];
    change.run_image(image, recipe, &mut tensor).unwrap();
    tensor
}

fn random_tensor(augment: &Augment, image: &RgbImage, recipe: &Preprocess, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut tensor = vec![f32::NAN; recipe.tensor_len()];
    augment.run_image(image, recipe, &mut random, &mut tensor).unwrap();
    tensor
}

prop_compose! {
    fn images()(width in 1..60_u32, height in 1..60_u32, seed in any::<u32>()) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let noise = (x * 7919 + y * 104_729).wrapping_mul(seed | 1) >> 8;
            [noise as u8, (noise >> 8) as u8, (x * 4) as u8].into()
        })
    }
}

prop_compose! {
    fn augments()(
        scale in (0.01..=1.0_f32, 0.01..=1.0_f32),
        ratio in (0.2..5.0_f32, 0.2..5.0_f32),
        flip in 0.0..=1.0_f32,
        (brightness, contrast, saturation) in (0.0..=1.0_f32, 0.0..=1.0_f32, 0.0..=1.0_f32),
    ) -> Augment {
        let ascending = |(one, other): (f32, f32)| (one.min(other), one.max(other));
        let (scale, ratio) = (ascending(scale), ascending(ratio));
        Augment { scale, ratio, flip, brightness, contrast, saturation, ..Augment::none() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_part_lies_in_the_photograph_and_keeps_its_bounds(
        augment in augments(),
        width in 1..2000_u32,
        height in 1..2000_u32,
        seed in any::<u64>(),
    ) {
        augment.check().unwrap();
        let change = augment.draw(width, height, &mut ChaCha8Rng::seed_from_u64(seed));
        let Some(part) = change.part else {
            prop_assert_eq!(augment.scale, (1.0, 1.0));
            return Ok(());
        };
        prop_assert!(part.right <= width && part.bottom <= height);
        prop_assert!(part.width() > 0 && part.height() > 0);
        let [part_width, part_height] = [part.width(), part.height()].map(f64::from);
        let ratio = |width: f64, height: f64| width / height;
        // A side may be off by the half pixel to which it is rounded.
        let low = ratio((part_width - 0.5).max(0.0), part_height + 0.5);
        let high = ratio(part_width + 0.5, part_height - 0.5);
        // A side of one pixel cannot be shorter, whatever the ratio asks for.
        let shortest = part.width() == 1 || part.height() == 1;
        prop_assert!(shortest || low <= f64::from(augment.ratio.1) * 1.000_001);
        prop_assert!(shortest || high >= f64::from(augment.ratio.0) * 0.999_999);
        let whole = f64::from(width) * f64::from(height);
        let largest = f64::from(augment.scale.1) * whole;
        let middle = part.left == (width - part.width()) / 2 && part.top == (height - part.height()) / 2;
        let fits = (part_width - 0.5) * (part_height - 0.5) <= largest * 1.000_001;
        let reaches = (part_width + 0.5) * (part_height + 0.5)
            >= f64::from(augment.scale.0) * whole * 0.999_999;
        prop_assert!(middle || (fits && reaches));
    }

    #[test]
    fn factors_stay_within_their_strength(augment in augments(), seed in any::<u64>()) {
        let change = augment.draw(30, 20, &mut ChaCha8Rng::seed_from_u64(seed));
        for (factor, strength) in [
            (change.brightness, augment.brightness),
            (change.contrast, augment.contrast),
            (change.saturation, augment.saturation),
        ] {
            prop_assert!((factor - 1.0).abs() <= strength * 1.000_001);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers_within_the_range_of_colours(
        image in images(),
        augment in augments(),
        seed in any::<u64>(),
    ) {
        let recipe = recipe(24);
        let tensor = random_tensor(&augment, &image, &recipe, seed);
        prop_assert_eq!(&tensor, &random_tensor(&augment, &image, &recipe, seed));
        for (plane, channel) in tensor.chunks_exact(24 * 24).zip(0..3) {
            let number = |level: f32| (level - recipe.mean[channel]) / recipe.standard_deviation[channel];
            let range = number(0.0) - 1e-5..=number(1.0) + 1e-5;
            prop_assert!(plane.iter().all(|value| range.contains(value)));
        }
    }

    #[test]
    fn nothing_changes_nothing(image in images(), seed in any::<u64>(), surplus in 0..9_u32) {
        let center_crop = Resize::CenterCrop { resize: 24 + surplus, size: 24 };
        for recipe in [recipe(24), Preprocess { resize: center_crop, ..recipe(24) }] {
            let mut expected = vec![f32::NAN; recipe.tensor_len()];
            recipe.run_image(&image, &mut expected).unwrap();
            prop_assert_eq!(&random_tensor(&Augment::none(), &image, &recipe, seed), &expected);
            prop_assert_eq!(&tensor_of(&Change::NONE, &image, &recipe), &expected);
        }
    }

    #[test]
    fn mirroring_twice_is_not_mirroring(image in images(), augment in augments(), seed in any::<u64>()) {
        let change = augment.draw(image.width(), image.height(), &mut ChaCha8Rng::seed_from_u64(seed));
        let recipe = recipe(17);
        let seen = tensor_of(&Change { mirrored: false, ..change }, &image, &recipe);
        let mut mirrored = tensor_of(&Change { mirrored: true, ..change }, &image, &recipe);
        mirrored.chunks_exact_mut(17).for_each(<[f32]>::reverse);
        prop_assert_eq!(seen, mirrored);
    }

    #[test]
    fn without_saturation_all_is_grey(image in images()) {
        let recipe = Preprocess { mean: [0.0; 3], standard_deviation: [1.0; 3], ..recipe(16) };
        let tensor = tensor_of(&Change { saturation: 0.0, ..Change::NONE }, &image, &recipe);
        let (red, rest) = tensor.split_at(16 * 16);
        prop_assert!(red == &rest[..16 * 16] && red == &rest[16 * 16..]);
    }
}

#[test]
fn a_part_of_another_photograph_is_refused() {
    let part = CropBox { left: 10, top: 0, right: 40, bottom: 20 };
    let mut tensor = vec![0.0; recipe(8).tensor_len()];
    let mut run = |part, image: &RgbImage| {
        let change = Change { part: Some(part), ..Change::NONE };
        change.run_image(image, &recipe(8), &mut tensor)
    };
    let error = run(part, &RgbImage::new(39, 20)).unwrap_err();
    assert!(matches!(error, Error::CropOutside { width: 39, .. }));
    let empty = CropBox { right: 10, ..part };
    let error = run(empty, &RgbImage::new(40, 20));
    assert!(matches!(error, Err(Error::EmptyCrop { .. })));
    assert!(run(part, &RgbImage::new(40, 20)).is_ok());
}

#[test]
fn what_cannot_be_augmented_is_refused() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut tensor = vec![0.0; recipe(8).tensor_len()];
    let mut run = |augment: Augment, image: &RgbImage, length: usize| {
        augment.run_image(image, &recipe(8), &mut random, &mut tensor[..length])
    };
    let image = RgbImage::new(9, 9);
    let standard = Augment::standard();
    let error = run(standard, &RgbImage::new(0, 9), 192);
    assert!(matches!(error, Err(Error::NoPixels { width: 0, .. })));
    assert!(matches!(run(standard, &image, 191), Err(Error::TensorLength { got: 191, .. })));
    let flip = Augment { flip: 1.5, ..standard };
    let error = run(flip, &image, 192).unwrap_err();
    assert_eq!(error.to_string(), "the augmentation has `flip` = `1.5`, expected 0 to 1");
}

#[test]
fn a_shrunk_photograph_looks_the_same_from_afar() {
    let large = picture("large.png");
    let small = shrink(large.clone(), 50).unwrap();
    assert_eq!(small.dimensions(), (72, 50));
    let tensors = [&large, &small].map(|image| tensor_of(&Change::NONE, image, &recipe(24)));
    let (_, mean) = difference(&tensors[0], &tensors[1]);
    assert!(mean < 0.05, "mean difference {mean}");
}

#[test]
fn fixed_changes_equal_pillows() {
    let bytes = fs_err::read(golden().join("expected.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&bytes).unwrap();
    let part =
        Change { part: Some(CropBox { left: 9, top: 14, right: 100, bottom: 78 }), ..Change::NONE };
    // Pillow cuts the fractions of levels off after each step, and keeps the mean grey without one.
    let (mirrored, all) = (
        Change { mirrored: true, ..part },
        Change { mirrored: true, brightness: 0.8, contrast: 1.2, saturation: 0.7, ..part },
    );
    let brighter = Change { brightness: 1.3, ..part };
    let contrast = Change { contrast: 0.6, ..part };
    let colourful = Change { saturation: 1.4, ..part };
    // Differences in levels, at worst and on average.
    for (name, change, most, mean_most) in [
        ("part", part, 1.0, 0.01),
        ("mirrored", mirrored, 1.0, 0.01),
        ("brighter", brighter, 2.5, 0.5),
        ("contrast", contrast, 2.0, 0.5),
        ("colourful", colourful, 2.5, 0.5),
        ("all", all, 3.0, 1.5),
    ] {
        let ours = tensor_of(&change, &picture("large.png"), &recipe(24));
        let theirs = floats(&expected, &format!("augment/{name}"));
        let (largest, mean) = difference(&ours, &theirs);
        // One level is 1 / 255 / 0.224.
        let (largest, mean) = (largest / 0.0176, mean / 0.0176);
        assert!(largest < most && mean < mean_most, "{name}: largest {largest}, mean {mean}");
    }
}
