//! Encoded files come back.

use pet_image::{
    Error, Format, GrayImage, Limits, RgbImage, decode, encode_gray, encode_rgb, grayscale,
};

use crate::support::{level_difference, picture};

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
