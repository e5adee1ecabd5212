//! `POST /resize`, `/grayscale`, `/crop` and `/normalize`

use pet_image::{Decoded, Format, Limits, decode};
use pet_tests::{gradient, root};

use crate::support::{Response, Service, post};

fn decoded(response: &Response) -> Decoded {
    decode(response.ok(), &Limits::default()).unwrap()
}

#[test]
fn defaults_and_file_names_match_the_original() {
    let Some(service) = Service::start() else { return };
    let picture = gradient(300, 250, Format::Png);
    for (path, prefix, size) in [
        ("/resize", "resized", (224, 224)),
        ("/resize?width=50&height=60", "resized", (50, 60)),
        ("/grayscale", "gray", (300, 250)),
        ("/crop", "cropped", (224, 224)),
        ("/crop?left=10&top=20&right=110&bottom=70", "cropped", (100, 50)),
        ("/normalize", "normalized", (300, 250)),
    ] {
        let response = post(path).file("test.png", &picture).send(&service);
        assert_eq!(decoded(&response).image.dimensions(), size, "{path}");
        assert_eq!(response.header("content-type"), Some("image/png"));
        let name = format!("attachment; filename={prefix}_test.png");
        assert_eq!(response.header("content-disposition"), Some(name.as_str()));
    }
}

#[test]
fn format_is_detected_from_the_content() {
    let Some(service) = Service::start() else { return };
    for format in Format::WRITTEN {
        let picture = gradient(40, 30, format);
        for path in ["/resize?width=8&height=8", "/grayscale", "/crop", "/normalize"] {
            let response = post(path).file("named.tiff", &picture).send(&service);
            assert_eq!(decoded(&response).format, format, "{path}");
            assert_eq!(response.header("content-type"), Some(format.media_type()));
        }
    }
}

/// There is no TIFF encoder, and browsers cannot display TIFF.
#[test]
fn tiff_is_returned_as_png() {
    let Some(service) = Service::start() else { return };
    let file = root().join("crates/pet-image/tests/golden/tiff/tiles_deflate.tif");
    let file = fs_err::read(file).unwrap();
    let plain = decode(&file, &Limits::default()).unwrap().image;
    for path in ["/resize?width=37&height=21", "/crop?right=37&bottom=21"] {
        let response = post(path).file("scan.tif", &file).send(&service);
        let answered = decoded(&response);
        assert_eq!(answered.format, Format::Png);
        assert!(answered.image == plain, "{path}");
        assert_eq!(response.header("content-type"), Some("image/png"));
        let name = response.header("content-disposition").unwrap();
        assert!(name.ends_with("_scan.png"), "{name}");
    }
}

#[test]
fn grayscale_has_one_channel_and_a_plain_image_can_be_normalized() {
    let Some(service) = Service::start() else { return };
    let plain = pet_image::RgbImage::from_pixel(20, 20, [9, 200, 30].into());
    let plain = pet_image::encode_rgb(&plain, Format::Png).unwrap();
    let gray = post("/grayscale").file("x.png", &plain).send(&service);
    // The colour type in a PNG's header: 0 is grey.
    assert_eq!(gray.ok()[25], 0);
    let normalized = post("/normalize").file("x.png", &plain).send(&service);
    assert_eq!(decoded(&normalized).image.dimensions(), (20, 20));
}

#[test]
fn result_of_a_raw_body_has_a_default_name() {
    let Some(service) = Service::start() else { return };
    let request = post("/grayscale").body("image/jpeg", &gradient(20, 20, Format::Jpeg));
    let response = request.send(&service);
    response.ok();
    let name = "attachment; filename=gray_image.jpg";
    assert_eq!(response.header("content-disposition"), Some(name));
}
