//! Photographs that the page converts before sending: large ones, and formats that only the browser decodes.

use std::path::{Path, PathBuf};

use pet_image::{Filter, Format, Limits, decode, encode_rgb, resize};
use serde_json::Value;

use crate::{center_crop, file, page};

/// Size of an upright photograph as a camera stores it, rotated by an EXIF orientation.
const WIDTH: u32 = 4032;
const HEIGHT: u32 = 3024;

/// An EXIF segment with the orientation of a clockwise quarter turn.
const TURNED: &[u8] =
    b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";

/// Two frames of one pixel each.
const ANIMATION: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0\
    \x21\xf9\x04\0\x0a\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\
    \x21\xf9\x04\0\x0a\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x4c\x01\0\x3b";

/// Deterministic sensor noise.
struct Grain(u32);

impl Grain {
    fn add(&mut self, level: u8) -> u8 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        level.saturating_add((self.0 >> 29) as u8)
    }
}

/// A photograph of twelve megapixels. Upright, its upper third is red.
fn large(folder: &Path) -> PathBuf {
    let photograph = fs_err::read(file("cat.jpg")).unwrap();
    let cat = decode(&photograph, &Limits::default()).unwrap().image;
    let mut picture = resize(&cat, WIDTH, HEIGHT, Filter::Lanczos).unwrap();
    let mut grain = Grain(1);
    for (x, _, pixel) in picture.enumerate_pixels_mut() {
        pixel.0 = pixel.0.map(|level| grain.add(level));
        if x < WIDTH / 3 {
            pixel.0 = [220, 20, 20];
        }
    }
    let mut bytes = encode_rgb(&picture, Format::Jpeg).unwrap();
    bytes.splice(2..2, TURNED.iter().copied());
    let path = folder.join("large.jpg");
    fs_err::write(&path, bytes).unwrap();
    path
}

/// The prediction of the service for the original file.
fn direct(page: &crate::browser::Browser, path: &Path) -> Value {
    let agent = ureq::Agent::new_with_defaults();
    let address = page.text("document.baseURI");
    let mut answer = agent
        .post(format!("{address}predict?top_k=37"))
        .content_type("image/jpeg")
        .send(fs_err::read(path).unwrap())
        .unwrap();
    serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
}

#[test]
fn large_photograph_is_sent_small_and_upright() {
    let Some(page) = page() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = large(folder.path());
    let size = fs_err::metadata(&path).unwrap().len();
    page.watch_uploads();
    page.choose("#file", &path);
    page.until("document.querySelectorAll('.bars li').length === 5");
    let facts = page.text("document.getElementById('photograph-facts').textContent");
    assert!(facts.starts_with("3024 × 4032 · JPEG · "), "{facts}");

    let sent = page.value("uploads[0].bytes").as_u64().unwrap();
    assert!(sent * 5 < size, "{sent} of {size} bytes were sent");
    let said = page.text("document.querySelector('.sent').textContent");
    // Four times what the model needs.
    let side = 4 * center_crop()[0];
    assert!(said.starts_with(&format!("Sent as {side} × {side} pixels, ")), "{said}");
    assert!(said.contains("The original is 3024 × 4032, "), "{said}");
    page.value(
        "void createImageBitmap(uploads[0].file).then((picture) => {
           const canvas = new OffscreenCanvas(picture.width, picture.height);
           const context = canvas.getContext('2d', { willReadFrequently: true });
           context.drawImage(picture, 0, 0);
           const at = (share) => Math.floor(share * picture.width);
           const level = (x, y) => [...context.getImageData(at(x), at(y), 1, 1).data.slice(0, 3)];
           window.colours = [level(0.5, 0.04), level(0.04, 0.9), level(0.96, 0.9)];
         })",
    );
    page.until("window.colours");
    let is_red = |colour: &[u8; 3]| colour[0] > 180 && colour[1] < 60 && colour[2] < 60;
    let colours: [[u8; 3]; 3] = serde_json::from_value(page.value("colours")).unwrap();
    assert!(is_red(&colours[0]) && !is_red(&colours[1]) && !is_red(&colours[2]), "{colours:?}");

    // The prediction is that of the original file.
    let expected = direct(&page, &path);
    let winner = page.text("document.querySelector('.winner-name').textContent");
    let share: f64 = page
        .value("parseFloat(document.querySelector('.winner-share').textContent) / 100")
        .as_f64()
        .unwrap();
    let ranked = expected["top_k"].as_array().unwrap();
    let same = ranked.iter().find(|one| one["class"] == winner.as_str()).unwrap();
    let difference = (same["probability"].as_f64().unwrap() - share).abs();
    assert!(difference < 0.1, "{winner} {share}, {expected}");

    // Transformations use all pixels.
    page.click("#tab-grayscale");
    page.until("document.querySelector('#grayscale .after img')?.naturalWidth === 3024");
    page.check_quiet();
}

#[test]
fn formats_of_the_browser_are_sent_as_jpeg() {
    let Some(page) = page() else { return };
    page.watch_uploads();
    page.choose("#file", &file("cat.avif"));
    page.until("document.querySelectorAll('.bars li').length === 5");
    assert_eq!(page.text("uploads[0].name"), "cat.jpg");
    assert_eq!(
        page.text("document.getElementById('photograph-remark').textContent"),
        "The service does not support AVIF, so your browser sends it as JPEG."
    );
    page.check_quiet();
}

#[test]
fn first_frame_of_an_animation_is_shown() {
    let Some(page) = page() else { return };
    let folder = tempfile::tempdir().unwrap();
    let remark = "document.getElementById('photograph-remark').textContent";
    for (name, bytes, expected) in [
        ("moving.gif", ANIMATION.to_vec(), "Only the first frame of this animation is used."),
        ("still.gif", [&ANIMATION[..42], b"\x3b"].concat(), ""),
    ] {
        let path = folder.path().join(name);
        fs_err::write(&path, bytes).unwrap();
        page.choose("#file", &path);
        page.until(&format!(
            "document.querySelector('#predict code').textContent.includes({name:?})"
        ));
        page.until(
            "!document.querySelector('#predict').ariaBusy && document.querySelector('.breed')",
        );
        assert_eq!(page.text(remark), expected, "{name}");
    }
    page.check_quiet();
}
