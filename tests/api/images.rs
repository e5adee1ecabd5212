//! `POST /resize`, `/grayscale`, `/crop` and `/normalize`

use pet_image::{Decoded, Format, Limits, decode};

use crate::support::{Answer, Service, gradient, post, root};

fn decoded(answer: &Answer) -> Decoded {
    decode(answer.ok(), &Limits::default()).unwrap()
}

#[test]
fn defaults_and_names_are_those_of_the_original() {
    let Some(service) = Service::start("defaults_and_names_are_those_of_the_original") else {
        return;
    };
    let picture = gradient(300, 250, Format::Png);
    for (path, prefix, size) in [
        ("/resize", "resized", (224, 224)),
        ("/resize?width=50&height=60", "resized", (50, 60)),
        ("/grayscale", "gray", (300, 250)),
        ("/crop", "cropped", (224, 224)),
        (
            "/crop?left=10&top=20&right=110&bottom=70",
            "cropped",
            (100, 50),
        ),
        ("/normalize", "normalized", (300, 250)),
    ] {
        let answer = post(path).file("test.png", &picture).send(service.address);
        assert_eq!(decoded(&answer).image.dimensions(), size, "{path}");
        assert_eq!(answer.header("content-type"), Some("image/png"));
        let name = format!("attachment; filename={prefix}_test.png");
        assert_eq!(answer.header("content-disposition"), Some(name.as_str()));
    }
}

#[test]
fn the_content_tells_the_format() {
    let Some(service) = Service::start("the_content_tells_the_format") else {
        return;
    };
    for format in Format::WRITTEN {
        let picture = gradient(40, 30, format);
        for path in [
            "/resize?width=8&height=8",
            "/grayscale",
            "/crop",
            "/normalize",
        ] {
            let answer = post(path)
                .file("named.tiff", &picture)
                .send(service.address);
            assert_eq!(decoded(&answer).format, format, "{path}");
            assert_eq!(answer.header("content-type"), Some(format.media_type()));
        }
    }
}

/// It is read only, and browsers cannot show it.
#[test]
fn a_tiff_comes_back_as_png() {
    let Some(service) = Service::start("a_tiff_comes_back_as_png") else {
        return;
    };
    let file = root().join("crates/pet-image/tests/golden/tiff/tiles_deflate.tif");
    let file = fs_err::read(file).unwrap();
    let plain = decode(&file, &Limits::default()).unwrap().image;
    for path in ["/resize?width=37&height=21", "/crop?right=37&bottom=21"] {
        let answer = post(path).file("scan.tif", &file).send(service.address);
        let answered = decoded(&answer);
        assert_eq!(answered.format, Format::Png);
        assert!(answered.image == plain, "{path}");
        assert_eq!(answer.header("content-type"), Some("image/png"));
        let name = answer.header("content-disposition").unwrap();
        assert!(name.ends_with("_scan.png"), "{name}");
    }
}

#[test]
fn grey_is_one_channel_and_one_colour_is_no_failure() {
    let Some(service) = Service::start("grey_is_one_channel_and_one_colour_is_no_failure") else {
        return;
    };
    let plain = pet_image::RgbImage::from_pixel(20, 20, [9, 200, 30].into());
    let plain = pet_image::encode_rgb(&plain, Format::Png).unwrap();
    let gray = post("/grayscale")
        .file("x.png", &plain)
        .send(service.address);
    // The colour type in a PNG's header: 0 is grey.
    assert_eq!(gray.ok()[25], 0);
    let normalized = post("/normalize")
        .file("x.png", &plain)
        .send(service.address);
    assert_eq!(decoded(&normalized).image.dimensions(), (20, 20));
}

#[test]
fn a_raw_body_gets_a_name_of_its_format() {
    let Some(service) = Service::start("a_raw_body_gets_a_name_of_its_format") else {
        return;
    };
    let request = post("/grayscale").body("image/jpeg", &gradient(20, 20, Format::Jpeg));
    let answer = request.send(service.address);
    answer.ok();
    let name = "attachment; filename=gray_image.jpg";
    assert_eq!(answer.header("content-disposition"), Some(name));
}
