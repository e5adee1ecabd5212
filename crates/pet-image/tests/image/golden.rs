//! Against Pillow, on pictures drawn by `golden/make_golden.py`, and on those of `golden/make_color.py` with colour profiles,
//! deep colour, animations and several pictures.

use pet_image::{
    CropBox, Filter, Limits, Preprocess, Resize, Statistics, contrast_stretch, crop, decode,
    grayscale, resize,
};
use safetensors::SafeTensors;

use crate::support::{difference, file_names, floats, golden, level_difference, levels, picture};

/// Largest and mean difference in levels that rounding explains: of a profile's arithmetic, of 16 bits to 8.
const COLOR_TOLERANCE: (u8, f64) = (1, 0.1);

fn with_expected(check: impl FnOnce(&SafeTensors<'_>)) {
    let bytes = fs_err::read(golden().join("expected.safetensors")).unwrap();
    check(&SafeTensors::deserialize(&bytes).unwrap());
}

/// How far a decoder may be from Pillow's, at worst and on average, in levels. Lossless formats
/// must agree exactly, but for rounding where 16 bits or transparency are reduced; lossy ones
/// differ in the inverse cosine transform and the interpolation of colour.
fn tolerance(name: &str) -> (u8, f64) {
    match name.split_once('.').unwrap_or_default() {
        ("color_444" | "grey" | "rgb", "jpg") => (3, 0.2),
        // Colour at half the resolution, and CMYK from it.
        (_, "jpg") => (8, 0.5),
        ("lossy", "webp") => (1, 0.1),
        ("alpha", "webp") => (2, 0.5),
        (stem, _) if stem.contains("alpha") => (1, 0.5),
        _ => (0, 0.0),
    }
}

#[test]
fn every_file_decodes_to_what_pillow_sees() {
    with_expected(|expected| {
        for name in file_names() {
            let (width, height, theirs) =
                levels(&expected.tensor(&format!("decode/{name}")).unwrap());
            let ours = picture(&name);
            assert_eq!(ours.dimensions(), (width, height), "{name}");
            let (largest, mean) = level_difference(ours.as_raw(), theirs);
            let (largest_allowed, mean_allowed) = tolerance(&name);
            assert!(
                largest <= largest_allowed && mean <= mean_allowed,
                "{name}: largest difference {largest}, mean {mean}"
            );
        }
    });
}

#[test]
fn resizing_is_within_one_level_of_pillow() {
    with_expected(|expected| {
        let keys = expected.names().into_iter().filter_map(|name| name.strip_prefix("resize/"));
        let mut checked = 0;
        for key in keys {
            let [name, filter, width, height] = key.split('/').collect::<Vec<_>>()[..] else {
                panic!("unexpected key `{key}`")
            };
            let filter = if filter == "lanczos" { Filter::Lanczos } else { Filter::Bilinear };
            let (width, height) = (width.parse().unwrap(), height.parse().unwrap());
            let ours = resize(&picture(name), width, height, filter).unwrap();
            let theirs = expected.tensor(&format!("resize/{key}")).unwrap();
            let (largest, mean) = level_difference(ours.as_raw(), theirs.data());
            assert!(largest <= 1 && mean < 0.01, "{key}: largest {largest}, mean {mean}");
            checked += 1;
        }
        assert_eq!(checked, 12);
    });
}

#[test]
fn crop_and_grayscale_equal_pillow() {
    with_expected(|expected| {
        let image = picture("color.png");
        let area = CropBox { left: 10, top: 5, right: 60, bottom: 28 };
        let theirs = expected.tensor("crop/color.png/10/5/60/28").unwrap();
        assert_eq!(crop(&image, area).unwrap().as_raw(), theirs.data());
        let theirs = expected.tensor("grayscale/color.png").unwrap();
        assert_eq!(grayscale(&image).as_raw(), theirs.data());
    });
}

#[test]
fn statistics_and_contrast_equal_numpy() {
    with_expected(|expected| {
        let image = picture("color.png");
        let theirs = expected.tensor("contrast_stretch/color.png").unwrap();
        assert_eq!(contrast_stretch(&image).as_raw(), theirs.data());

        let statistics = Statistics::of(&picture("large.png"));
        for (ours, key) in
            [(statistics.mean, "mean"), (statistics.standard_deviation, "standard_deviation")]
        {
            let theirs = expected.tensor(&format!("{key}/large.png")).unwrap().data();
            for (ours, theirs) in ours.iter().zip(theirs.as_chunks().0) {
                assert!((ours - f64::from_le_bytes(*theirs)).abs() < 1e-9, "{key}");
            }
        }
    });
}

#[test]
fn recipes_give_the_numbers_of_torchvision() {
    with_expected(|expected| {
        let rules = [
            ("stretch/large.png/24", Resize::Stretch { size: 24 }),
            ("center_crop/large.png/33/24", Resize::CenterCrop { resize: 33, size: 24 }),
        ];
        for (key, resize) in rules {
            let recipe = Preprocess { resize, ..Preprocess::imagenet() };
            let mut ours = vec![f32::NAN; recipe.tensor_len()];
            recipe.run_image(&picture("large.png"), &mut ours).unwrap();
            let (largest, mean) = difference(&ours, &floats(expected, key));
            // One level is 1 / 255 / 0.224.
            assert!(largest < 0.0176 && mean < 1e-4, "{key}: largest {largest}, mean {mean}");
        }
    });
}

#[test]
fn levels_are_those_of_srgb_as_in_pillow() {
    let bytes = fs_err::read(golden().join("color.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(expected.len(), 19);
    for (name, theirs) in expected.iter() {
        let file = fs_err::read(golden().join("color").join(name)).unwrap();
        let ours = decode(&file, &Limits::default()).unwrap().image;
        let (width, height, theirs) = levels(&theirs);
        assert_eq!(ours.dimensions(), (width, height), "{name}");
        let (largest, mean) = level_difference(ours.as_raw(), theirs);
        assert!(
            largest <= COLOR_TOLERANCE.0 && mean <= COLOR_TOLERANCE.1,
            "{name}: largest difference {largest}, mean {mean}"
        );
    }
}

/// So that the test above cannot pass without conversion.
#[test]
fn profiles_matter_in_these_files() {
    let bytes = fs_err::read(golden().join("color.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&bytes).unwrap();
    let plain = expected.tensor("srgb.jpg").unwrap();
    for name in ["display_p3.jpg", "adobe_rgb.jpg", "parts.jpg", "grey.jpg"] {
        let converted = expected.tensor(name).unwrap();
        let (_, mean) = level_difference(converted.data(), plain.data());
        assert!(mean > 2.0, "{name}: {mean}");
    }
}
