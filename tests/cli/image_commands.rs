//! `pet-cli resize`, `grayscale`, `normalize` and `crop`

use pet_image::{Format, Limits, Statistics, decode};
use pet_tests::gradient;

use crate::test_dir::TestDir;

fn dir() -> TestDir {
    let dir = TestDir::new();
    dir.write("in.png", gradient(120, 80, Format::Png));
    dir
}

/// Returns width, height and format of an image file.
fn image_info(dir: &TestDir, name: &str) -> (u32, u32, Format) {
    let decoded = decode(&fs_err::read(dir.path(name)).unwrap(), &Limits::default()).unwrap();
    (decoded.image.width(), decoded.image.height(), decoded.format)
}

#[test]
fn resize_reports_and_writes() {
    let dir = dir();
    let output = "Image resized to: 50x50\n";
    assert_eq!(dir.run("resize in.png 50 50").ok(), output);
    assert_eq!(dir.files().len(), 1, "without --output nothing is written");
    assert_eq!(dir.run("resize in.png 50 50 --output new/out.png").ok(), output);
    assert_eq!(image_info(&dir, "new/out.png"), (50, 50, Format::Png));
}

#[test]
fn crop_reports_and_writes() {
    let dir = dir();
    let output = "Image cropped to: 50x50\n";
    assert_eq!(dir.run("crop in.png --box 10 20 60 70").ok(), output);
    assert_eq!(dir.run("crop in.png --box 10 20 60 70 --output out.png").ok(), output);
    let part =
        decode(&fs_err::read(dir.path("out.png")).unwrap(), &Limits::default()).unwrap().image;
    let whole = decode(&gradient(120, 80, Format::Png), &Limits::default()).unwrap().image;
    assert_eq!(part.dimensions(), (50, 50));
    assert_eq!(part.get_pixel(0, 0), whole.get_pixel(10, 20));
    assert_eq!(part.get_pixel(49, 49), whole.get_pixel(59, 69));
    dir.refused("crop in.png --box 60 20 10 70 --output none.png").naming(&["empty"]);
}

#[test]
fn grayscale_reports_and_writes_a_single_channel() {
    let dir = dir();
    let output = "Image converted to grayscale (mode: L)\n";
    assert_eq!(dir.run("grayscale in.png").ok(), output);
    assert_eq!(dir.run("grayscale in.png --output out.png").ok(), output);
    let bytes = fs_err::read(dir.path("out.png")).unwrap();
    // Bit depth and colour type in the PNG header: 8-bit grayscale.
    assert_eq!(bytes[24..26], [8, 0]);
    assert_eq!(image_info(&dir, "out.png"), (120, 80, Format::Png));
}

#[test]
fn normalize_reports_the_channels_of_the_input_and_writes() {
    let dir = dir();
    let output = dir.run("normalize in.png --output out.png").ok();
    let image = decode(&gradient(120, 80, Format::Png), &Limits::default()).unwrap().image;
    let Statistics { mean, standard_deviation } = Statistics::of(&image);
    let channels = |[red, green, blue]: [f64; 3]| format!("[{red:.2}, {green:.2}, {blue:.2}]");
    let expected = format!(
        "Image normalized.\n  Mean: {}\n  Std Dev: {}\n",
        channels(mean),
        channels(standard_deviation)
    );
    assert_eq!(output, expected);
    assert_eq!(image_info(&dir, "out.png"), (120, 80, Format::Png));
    assert_eq!(dir.run("normalize in.png").ok(), expected);
}

#[test]
fn the_output_format_is_that_of_the_extension_or_of_the_input() {
    let dir = TestDir::new();
    for format in Format::WRITTEN {
        // The extension is wrong on purpose.
        dir.write("in.jpg", gradient(40, 30, format));
        dir.run("resize in.jpg 20 10 -o out").ok();
        assert_eq!(image_info(&dir, "out"), (20, 10, format));
        for (name, named) in [("out.PNG", Format::Png), ("a.b.jpeg", Format::Jpeg)] {
            dir.run(&format!("resize in.jpg 20 10 -o {name}")).ok();
            assert_eq!(image_info(&dir, name), (20, 10, named));
        }
    }
    dir.refused("grayscale in.jpg -o out.tiff").naming(&["`out.tiff`"]).hinting("`.png`");
}

#[test]
fn a_tiff_is_written_as_png() {
    let dir = TestDir::new();
    let file = pet_tests::root().join("crates/pet-image/tests/golden/tiff/turned_6.tif");
    let file = fs_err::read(file).unwrap();
    dir.write("in.tif", &file);
    dir.run("crop in.tif --box 0 0 21 37 -o out").ok();
    assert_eq!(image_info(&dir, "out"), (21, 37, Format::Png));
    let plain = decode(&file, &Limits::default()).unwrap().image;
    let written = fs_err::read(dir.path("out")).unwrap();
    let written = decode(&written, &Limits::default()).unwrap().image;
    assert!(written == plain);
}

#[test]
fn an_output_that_cannot_be_written_is_reported() {
    let dir = dir();
    let output = dir.refused("resize in.png 5 5 -o in.png/out.png");
    let output = output.naming(&["cannot access a file", "in.png"]);
    assert!(!output.stderr.contains("model"), "{output:?}");
}

#[test]
fn an_image_of_one_colour_can_be_normalized() {
    let dir = TestDir::new();
    let grey = pet_image::RgbImage::from_pixel(9, 9, [77; 3].into());
    dir.write("in.bmp", pet_image::encode_rgb(&grey, Format::Bmp).unwrap());
    let output = dir.run("normalize in.bmp -o out.bmp").ok();
    assert!(
        output.contains("  Mean: [77.00, 77.00, 77.00]\n  Std Dev: [0.00, 0.00, 0.00]"),
        "{output}"
    );
}

/// The command succeeds with the option that the hint names.
#[test]
fn limits_have_options_that_the_hints_name() {
    let dir = dir();
    for command in ["resize in.png 5 5", "grayscale in.png", "normalize in.png", "crop in.png"] {
        dir.refused(&format!("{command} --max-pixels 9599"))
            .naming(&["120x80", "9599"])
            .hinting("`--max-pixels 9600`");
        dir.run(&format!("{command} --max-pixels 9600")).ok();
        dir.refused(&format!("{command} --max-upload 10"))
            .naming(&["10"])
            .hinting("`--max-upload`");
    }
}
