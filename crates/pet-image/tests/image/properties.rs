//! What holds for any size and content, and that encoded files come back.

use pet_image::{
    CropBox, Error, Filter, Format, GrayImage, Limits, Preprocess, Resize, RgbImage,
    contrast_stretch, crop, decode, encode_gray, encode_rgb, grayscale, resize,
};
use proptest::prelude::*;

use crate::support::{level_difference, picture};

prop_compose! {
    fn images()(width in 1..40_u32, height in 1..40_u32)(
        levels in prop::collection::vec(any::<u8>(), (3 * width * height) as usize),
        width in Just(width),
        height in Just(height),
    ) -> RgbImage {
        RgbImage::from_raw(width, height, levels).unwrap()
    }
}

fn filters() -> impl Strategy<Value = Filter> {
    prop::sample::select(vec![Filter::Bilinear, Filter::Lanczos])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_crop_holds_the_pixels_of_its_box_and_black(
        image in images(),
        (left, top) in (0..60_u32, 0..60_u32),
        (width, height) in (1..60_u32, 1..60_u32),
    ) {
        let area = CropBox { left, top, right: left + width, bottom: top + height };
        let cut = crop(&image, area).unwrap();
        prop_assert_eq!(cut.dimensions(), (width, height));
        for (x, y, pixel) in cut.enumerate_pixels() {
            let expected = image.get_pixel_checked(left + x, top + y).map_or([0; 3], |pixel| pixel.0);
            prop_assert_eq!(pixel.0, expected);
        }
    }

    #[test]
    fn resizing_gives_the_size_asked_for(
        image in images(),
        (width, height) in (1..80_u32, 1..80_u32),
        filter in filters(),
    ) {
        prop_assert_eq!(resize(&image, width, height, filter).unwrap().dimensions(), (width, height));
    }

    #[test]
    fn one_colour_stays_that_colour(
        colour in any::<[u8; 3]>(),
        (from_width, from_height) in (1..60_u32, 1..60_u32),
        (width, height) in (1..60_u32, 1..60_u32),
        filter in filters(),
    ) {
        let image = RgbImage::from_pixel(from_width, from_height, colour.into());
        let resized = resize(&image, width, height, filter).unwrap();
        prop_assert!(resized.pixels().all(|pixel| pixel.0 == colour));
    }

    #[test]
    fn bilinear_resizing_stays_between_the_darkest_and_the_brightest(
        image in images(),
        (width, height) in (1..80_u32, 1..80_u32),
    ) {
        let resized = resize(&image, width, height, Filter::Bilinear).unwrap();
        for channel in 0..3 {
            let levels = |image: &RgbImage| image.pixels().map(|pixel| pixel[channel]).collect::<Vec<_>>();
            let (before, after) = (levels(&image), levels(&resized));
            prop_assert!(after.iter().min() >= before.iter().min());
            prop_assert!(after.iter().max() <= before.iter().max());
        }
    }

    #[test]
    fn colour_changes_keep_the_size_and_use_the_range(image in images()) {
        let stretched = contrast_stretch(&image);
        prop_assert_eq!(stretched.dimensions(), image.dimensions());
        prop_assert_eq!(grayscale(&image).dimensions(), image.dimensions());
        if image.pixels().any(|pixel| pixel != image.get_pixel(0, 0)) {
            prop_assert_eq!(stretched.as_raw().iter().min(), Some(&0));
            prop_assert_eq!(stretched.as_raw().iter().max(), Some(&255));
        }
    }

    #[test]
    fn a_recipe_fills_its_tensor_with_finite_numbers(
        image in images(),
        size in 1..40_u32,
        surplus in 0..20_u32,
        stretch in any::<bool>(),
    ) {
        let resize = if stretch {
            Resize::Stretch { size }
        } else {
            Resize::CenterCrop { resize: size + surplus, size }
        };
        let recipe = Preprocess { resize, ..Preprocess::imagenet() };
        let mut tensor = vec![f32::NAN; recipe.tensor_len()];
        recipe.run_image(&image, &mut tensor).unwrap();
        prop_assert!(tensor.iter().all(|number| number.is_finite()));
    }
}

#[test]
fn colour_survives_every_format() {
    let image = picture("color.png");
    for format in Format::WRITTEN {
        let bytes = encode_rgb(&image, format).unwrap();
        assert_eq!(Format::detect(&bytes), Some(format));
        let decoded = decode(&bytes, &Limits::default()).unwrap();
        assert_eq!(decoded.format, format);
        let (largest, mean) = level_difference(decoded.image.as_raw(), image.as_raw());
        match format {
            Format::Jpeg => assert!(mean < 4.0, "mean difference {mean}"),
            // A palette of 256 colours.
            Format::Gif => assert!(mean < 10.0, "mean difference {mean}"),
            _ => assert_eq!(largest, 0, "{format}"),
        }
    }
}

#[test]
fn grey_survives_every_format() {
    let image = grayscale(&picture("color.png"));
    for format in Format::WRITTEN {
        let decoded = decode(&encode_gray(&image, format).unwrap(), &Limits::default()).unwrap();
        let levels: Vec<u8> = decoded.image.pixels().map(|pixel| pixel[1]).collect();
        assert!(decoded.image.pixels().all(|pixel| pixel.0 == [pixel[1]; 3]), "{format}");
        let (largest, _) = level_difference(&levels, image.as_raw());
        assert!(largest <= if format == Format::Jpeg { 8 } else { 0 }, "{format}: {largest}");
    }
}

#[test]
fn grey_has_a_single_channel_where_the_format_has_one() {
    let png = encode_gray(&GrayImage::new(3, 2), Format::Png).unwrap();
    assert_eq!(png[25], 0, "PNG colour type");
    let jpeg = encode_gray(&GrayImage::new(3, 2), Format::Jpeg).unwrap();
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    assert_eq!(jpeg[frame + 9], 1, "JPEG components");
}

#[test]
fn what_a_format_has_no_room_for_is_an_error() {
    let long = RgbImage::new(70_000, 1);
    for format in [Format::Jpeg, Format::Gif, Format::WebP] {
        assert!(matches!(encode_rgb(&long, format), Err(Error::Encode { width: 70_000, .. })));
    }
    for format in Format::WRITTEN {
        assert!(matches!(encode_rgb(&RgbImage::new(0, 3), format), Err(Error::NoPixels { .. })));
    }
}
